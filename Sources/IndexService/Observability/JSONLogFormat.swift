internal import Logging

/// Writes log records as JSON objects, one a line.
package typealias JSONLogHandler = LineLogHandler<JSONLogFormat>

/// A record as one JSON object: `time`, `level`, `label`, `message`, then the metadata.
///
/// Metadata that has one of these names is written as `metadata.<name>`. Fields that could make the
/// line too long are left out, and `"truncated":true` says so.
package struct JSONLogFormat: LogLineFormat {
    private static let ownNames: Set<String> = ["time", "level", "label", "message", "truncated"]

    package init() {}

    package func line(for record: LogRecord) -> [UInt8] {
        var json = JSONWriter(reserving: 512)
        json.beginObject()
        json.key("time")
        json.string(record.timestamp)
        json.key("level")
        json.string(record.level.rawValue)
        json.key("label")
        json.string(record.label)
        json.key("message")
        json.string(record.message)
        for field in record.fields {
            // An escaped byte takes at most six; 64 is for what stands around and behind.
            let most = 6 * (field.key.utf8.count + field.text.utf8.count) + 64
            guard json.bytes.count + most <= LogLineWriter.lineLimit else {
                json.key("truncated")
                json.bool(true)
                break
            }
            append(field, to: &json)
        }
        json.endObject()
        return json.bytes
    }

    private func append(_ field: LogRecord.Field, to json: inout JSONWriter) {
        let isOurs = Self.ownNames.contains(field.key)
        json.key(escaping: isOurs ? "metadata." + field.key : field.key)
        if field.isLiteral {
            json.raw(field.text.utf8Span.span)
        } else {
            json.string(field.text)
        }
    }
}
