internal import HTTPTypes

/// Reads what a writer demands of a name's current version (RFC 9110, section 13.1).
enum NamePrecondition {
    /// Takes `If-Match`, `If-None-Match: *` or `expected_version`, of which only one may be given.
    static func parse(
        _ headers: HTTPFields,
        expectedVersion: Int?
    ) throws(Problem) -> VersionPrecondition {
        // A header without a value is refused below: as no header, it would let any write pass.
        let ifMatch = headers[values: .ifMatch]
        let ifNoneMatch = headers[values: .ifNoneMatch]
        let given = [!ifMatch.isEmpty, !ifNoneMatch.isEmpty, expectedVersion != nil]
        guard given.count(where: { $0 }) <= 1 else {
            throw Problem(
                .badRequest,
                "give only one of If-Match, If-None-Match and expected_version"
            )
        }
        if let expectedVersion {
            return expectedVersion == 0 ? .absent : .version(Int64(expectedVersion))
        }
        if !ifNoneMatch.isEmpty {
            guard ifNoneMatch == ["*"] else {
                throw Problem(.badRequest, "If-None-Match may only be * on a name")
            }
            return .absent
        }
        return ifMatch.isEmpty ? .none : try parseIfMatch(ifMatch.joined(separator: ","))
    }

    private static func parseIfMatch(_ list: String) throws(Problem) -> VersionPrecondition {
        if list == "*" { return .exists }
        var versions: [Int64] = []
        for item in list.split(separator: ",", omittingEmptySubsequences: false) {
            let tag = item.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()
            let digits = String(tag).dropFirst().dropLast()
            guard tag.first == "\"", tag.last == "\"", digits.utf8.allSatisfy(\.isASCIIDigit),
                let version = Int64(digits)
            else {
                throw Problem(.badRequest, "If-Match must be a version in quotes, such as \"3\"")
            }
            versions.append(version)
        }
        return .anyOf(versions)
    }
}
