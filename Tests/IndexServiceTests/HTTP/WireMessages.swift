import Foundation

/// A request as it goes out: nothing is added or left out but what stands here.
struct WireRequest: Sendable {
    var method = "GET"
    var target: String
    var version = "HTTP/1.1"
    var headers: [(name: String, value: String)] = []
    var body: [UInt8] = []
    /// False leaves `Content-Length` out.
    var sendsLength = true
    /// The `Host` header; nil leaves it out.
    var host: String? = "index.example"

    init(_ method: String = "GET", _ target: String, headers: [(String, String)] = []) {
        self.method = method
        self.target = target
        self.headers = headers.map { (name: $0.0, value: $0.1) }
    }

    /// A request with the admin token and a JSON body.
    static func admin(
        _ method: String,
        _ target: String,
        json: String? = nil,
        headers: [(String, String)] = []
    ) -> WireRequest {
        var request = WireRequest(method, target, headers: headers)
        request.headers.append(("Authorization", "Bearer \(RunningService.token)"))
        if let json {
            request.headers.append(("Content-Type", "application/json"))
            request.body = Array(json.utf8)
        }
        return request
    }

    func with(_ name: String, _ value: String) -> WireRequest {
        var request = self
        request.headers.append((name, value))
        return request
    }

    func body(_ bytes: [UInt8]) -> WireRequest {
        var request = self
        request.body = bytes
        return request
    }

    func method(_ method: String) -> WireRequest {
        var request = self
        request.method = method
        return request
    }

    /// The head alone, its `Content-Length` that of the body.
    var headBytes: [UInt8] {
        var text = "\(method) \(target) \(version)\r\n"
        if let host { text += "Host: \(host)\r\n" }
        for header in headers { text += "\(header.name): \(header.value)\r\n" }
        if !body.isEmpty, sendsLength { text += "Content-Length: \(body.count)\r\n" }
        return Array((text + "\r\n").utf8)
    }

    var bytes: [UInt8] { headBytes + body }

    /// The same request with its body in chunks of so many bytes.
    func chunked(by size: Int) -> [UInt8] {
        var request = with("Transfer-Encoding", "chunked")
        request.body = []
        return request.headBytes + Self.chunks(of: body, by: size)
    }

    static func chunks(of body: [UInt8], by size: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        for start in stride(from: 0, to: body.count, by: size) {
            let part = body[start..<min(start + size, body.count)]
            bytes += Array("\(String(part.count, radix: 16))\r\n".utf8) + part + Array("\r\n".utf8)
        }
        return bytes + Array("0\r\n\r\n".utf8)
    }
}

/// An answer as it came in.
struct WireResponse: Sendable {
    let head: String
    let version: String
    let status: Int
    let headers: [(name: String, value: String)]
    var body: [UInt8] = []

    /// Reads a head strictly: anything that is not RFC 9112 is thrown.
    init(head: String) throws {
        self.head = head
        let lines = head.components(separatedBy: "\r\n")
        let words = lines[0].split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        guard words.count == 3, words[0].hasPrefix("HTTP/1."), words[1].utf8.count == 3,
            let status = Int(words[1])
        else { throw RawConnection.Failure.malformed("status line: \(lines[0])") }
        version = String(words[0])
        self.status = status
        headers = try lines.dropFirst().map { line in
            guard let colon = line.firstIndex(of: ":"), colon != line.startIndex,
                !line[..<colon].contains(where: \.isWhitespace),
                !line.unicodeScalars.contains(where: { $0.value < 0x20 && $0 != "\t" })
            else { throw RawConnection.Failure.malformed("header line: \(line.debugDescription)") }
            let value = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
            return (String(line[..<colon]), value)
        }
    }

    /// All values of a header.
    func values(_ name: String) -> [String] {
        headers.filter { $0.name.lowercased() == name.lowercased() }.map(\.value)
    }

    /// The value of a header that stands there once; nil where it is missing or repeated.
    subscript(name: String) -> String? {
        let values = values(name)
        return values.count == 1 ? values[0] : nil
    }

    var mayHaveBody: Bool { status >= 200 && status != 204 && status != 304 }

    var contentLength: Int? {
        get throws {
            let values = values("Content-Length")
            guard values.count <= 1 else {
                throw RawConnection.Failure.malformed("two lengths: \(head)")
            }
            return values.first.flatMap { Int($0) }
        }
    }

    var text: String { String(decoding: body, as: UTF8.self) }

    /// The JSON body's leaves by path: `providers.0.id`; arrays add their size as `providers#`.
    var fields: [String: String] {
        guard let value = try? JSONSerialization.jsonObject(with: Data(body), options: []) else {
            return [:]
        }
        var fields: [String: String] = [:]
        Self.flatten(value, at: "", into: &fields)
        return fields
    }

    /// The `code` of a problem.
    var code: String? { fields["code"] }

    /// The number in a JSON body.
    func number(_ field: String) -> Int? { fields[field].flatMap { Int($0) } }

    private static func flatten(_ value: Any, at path: String, into fields: inout [String: String])
    {
        let prefix = path.isEmpty ? "" : path + "."
        switch value {
        case let object as [String: Any]:
            for (key, member) in object { flatten(member, at: prefix + key, into: &fields) }
        case let array as [Any]:
            fields[path + "#"] = "\(array.count)"
            for (index, element) in array.enumerated() {
                flatten(element, at: prefix + "\(index)", into: &fields)
            }
        case let number as NSNumber where CFGetTypeIDIsBoolean(number):
            fields[path] = number.boolValue ? "true" : "false"
        case is NSNull:
            fields[path] = "null"
        default:
            fields[path] = "\(value)"
        }
    }

    private static func CFGetTypeIDIsBoolean(_ number: NSNumber) -> Bool {
        String(cString: number.objCType) == "c"
    }
}
