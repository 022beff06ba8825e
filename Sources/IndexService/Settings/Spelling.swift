/// Finds what a misspelled name was probably meant to be.
enum Spelling {
    /// Names longer than this are not compared: the work grows with the product of the lengths.
    private static let longestCompared = 64

    /// "did you mean …?" where one of the names is close enough.
    static func hint(for name: String, among names: [String]) -> String? {
        nearest(to: name, among: names).map { "did you mean \($0)?" }
    }

    /// The closest name, the first of equals, unless more than a third of it would have to change.
    static func nearest(to name: String, among names: [String]) -> String? {
        guard name.utf8.count <= longestCompared else { return nil }
        let measured = names.map { (name: $0, distance: distance(name, $0)) }
        guard let best = measured.min(by: { $0.distance < $1.distance }),
            best.distance <= max(2, name.utf8.count / 3)
        else { return nil }
        return best.name
    }

    /// Insertions, deletions and replacements of bytes from one to the other (Levenshtein).
    static func distance(_ left: String, _ right: String) -> Int {
        let right = Array(right.utf8)
        var row = Array(0...right.count)
        for (index, byte) in left.utf8.enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for column in right.indices {
                let replaced = diagonal + (byte == right[column] ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = min(replaced, diagonal + 1, row[column] + 1)
            }
        }
        return row[right.count]
    }
}
