import Randomness
import Testing

@testable import IndexService

/// Packets are a stranger's bytes: any are judged, none trap, none take long.
@Suite struct HostilePacketTests {
    private func refusal(of raw: RawPacket) -> PkarrPacketError? {
        do throws(PkarrPacketError) {
            _ = try PkarrPacket(reading: raw.bytes)
            return nil
        } catch {
            return error
        }
    }

    @Test func pointersThatDoNotLeadBackAreRefused() {
        for target in [12, 13, 14, 0, 11, 500, 0x3FFF] {
            var raw = RawPacket()
            raw.pointer(to: target)
            raw.body([0])
            #expect(refusal(of: raw) == .malformed, "to \(target)")
        }
    }

    @Test func loopsOfPointersAreRefused() {
        // A label, then a pointer to that label: round and round.
        var raw = RawPacket()
        raw.label("a")
        raw.pointer(to: 12)
        raw.body([0])
        #expect(refusal(of: raw) == .malformed)
        // Two names that point at each other.
        raw = RawPacket(answers: 2)
        raw.pointer(to: 24)
        raw.body([])
        raw.pointer(to: 12)
        raw.body([])
        #expect(refusal(of: raw) == .malformed)
    }

    @Test func aChainOfPointersThatLeadsBackEnds() throws {
        // Each record's name is a pointer to the pointer before it; the first is the root.
        var raw = RawPacket(answers: 60)
        var place = raw.bytes.count
        raw.bytes.append(0)
        raw.body([0])
        for _ in 1..<60 {
            let next = raw.bytes.count
            raw.pointer(to: place)
            raw.body([0])
            place = next
        }
        #expect(try PkarrPacket(reading: raw.bytes).records.count == 60)
    }

    @Test func namesLongerThanDNSAllowsAreRefused() {
        // 62 times 4 bytes and the end are 249; a fifth label of 5 makes 255, of 6 too much.
        for (last, isRefused) in [("abcde", false), ("abcdef", true)] {
            var raw = RawPacket(answers: 1)
            for _ in 0..<62 { raw.label("abc") }
            raw.label(last)
            raw.bytes.append(0)
            raw.body([0])
            #expect((refusal(of: raw) == .malformed) == isRefused)
        }
        var raw = RawPacket()
        raw.bytes.append(0x40)
        raw.bytes += [UInt8](repeating: 0x61, count: 64) + [0]
        raw.body([0])
        #expect(refusal(of: raw) == .malformed)
    }

    @Test func whatIsNotAReplyOfAnswersIsRefused() {
        for raw in [
            RawPacket(flags: 0, answers: 0), RawPacket(questions: 1, answers: 0),
            RawPacket(answers: 0, additional: 1),
        ] {
            #expect(refusal(of: raw) == .notAnswersOnly)
        }
        #expect(refusal(of: RawPacket(answers: 0)) == nil)
        #expect(refusal(of: RawPacket(answers: 1)) == .malformed)
    }

    @Test func bytesTooFewOrTooManyAreRefused() throws {
        var packet = PkarrPacket()
        try packet.setLink(makeLink(), of: try makeKeyName("a.b"))
        let bytes = try packet.encoded()
        for count in 0..<bytes.count {
            #expect(throws: PkarrPacketError.malformed, "\(count) bytes") {
                try PkarrPacket(reading: Array(bytes.prefix(count)))
            }
        }
        #expect(throws: PkarrPacketError.malformed) { try PkarrPacket(reading: bytes + [0]) }
        #expect(throws: PkarrPacketError.tooLarge) {
            try PkarrPacket(reading: [UInt8](repeating: 0, count: 1001))
        }
    }

    @Test func dataUnlikeItsTypeIsRefused() {
        let wrong: [(type: UInt8, data: [UInt8])] = [
            (5, []), (5, [0, 0]), (15, [0]), (15, [0, 1]), (6, [0, 0]), (33, [0, 0, 0, 0, 0, 0]),
            (2, [1, 0x61]), (39, [0xC0]), (5, [0xC0, 24]),
        ]
        for (type, data) in wrong {
            var raw = RawPacket()
            raw.bytes.append(0)
            raw.body(type: type, data)
            #expect(refusal(of: raw) == .malformed, "type \(type), \(data)")
        }
    }

    @Test func anyBytesAreJudgedWithoutATrap() throws {
        let name = try makeKeyName()
        for seed in 0..<5_000 as Range<UInt64> {
            var random = SeededRandom(seed: seed)
            var bytes = random.bytes(count: random.int(in: 0...200))
            // Most would fail at the header.
            if bytes.count >= 12, !random.oneIn(10) {
                bytes.replaceSubrange(0..<12, with: RawPacket(answers: bytes[0] & 7).bytes)
                for index in 12..<bytes.count where random.oneIn(2) { bytes[index] &= 15 }
            }
            guard let packet = try? PkarrPacket(reading: bytes) else { continue }
            _ = packet.link(of: name)
            _ = try? packet.encoded()
        }
    }

    @Test func changedPacketsAreJudgedWithoutATrap() throws {
        let name = try makeKeyName("label")
        var read = 0
        for seed in 0..<5_000 as Range<UInt64> {
            var random = SeededRandom(seed: seed)
            var bytes = try random.packet().encoded()
            for _ in 0..<random.int(in: 1...4) {
                let index = random.int(in: 0...bytes.count - 1)
                switch random.int(in: 0...3) {
                case 0: bytes[index] = UInt8(truncatingIfNeeded: random.next())
                case 1: bytes[index] = 0xC0
                case 2 where bytes.count > 1: bytes.remove(at: index)
                default: bytes.insert(bytes[index], at: index)
                }
            }
            guard let packet = try? PkarrPacket(reading: bytes) else { continue }
            read += 1
            _ = packet.link(of: name)
            // What could be read is written so that it reads the same, unless it does not fit.
            guard let again = try? packet.encoded() else { continue }
            #expect(try PkarrPacket(reading: again) == packet, "seed \(seed)")
        }
        #expect(read > 250)
    }

    @Test func whatIsWrittenReadsTheSame() throws {
        for seed in 0..<1000 as Range<UInt64> {
            var random = SeededRandom(seed: seed)
            let packet = try random.packet()
            let bytes = try packet.encoded()
            #expect(bytes.count <= PkarrPacket.maximumCount)
            #expect(try PkarrPacket(reading: bytes) == packet, "seed \(seed)")
        }
    }
}

extension SeededRandom {
    /// A packet that fits: links of a few labels and records of other types.
    mutating func packet() throws -> PkarrPacket {
        var raw = RawPacket(answers: 0)
        for _ in 0..<int(in: 0...4) {
            raw.bytes[7] += 1
            if raw.bytes.count > 12, !oneIn(3) {
                raw.label(text(of: "abAB09-", count: int(in: 1...5)))
                raw.pointer(to: 12)
            } else {
                raw.label(text(of: "abc", count: int(in: 1...20)))
                raw.bytes.append(0)
            }
            let name: [UInt8] = [0xC0, 12]
            switch int(in: 0...5) {
            case 0: raw.body(type: 5, name)
            case 1: raw.body(type: 15, [0, 10] + name)
            case 2: raw.body(type: 6, name + [1, 0x61] + name + bytes(count: 20))
            case 3: raw.body(type: 33, bytes(count: 6) + name)
            case 4: raw.body(bytes(count: int(in: 0...40)))
            default: raw.body(type: 65, bytes(count: int(in: 0...40)))
            }
        }
        var packet = try PkarrPacket(reading: raw.bytes)
        for _ in 0..<int(in: 0...4) {
            let labels = pick(["", "label", "blog", "a.b.c", "x_y-z+1"])
            let link = makeLink("\(next())", ttl: int(in: 0...100_000))
            try packet.setLink(link, of: try makeKeyName(labels, seed: UInt64(int(in: 1...2))))
        }
        return packet
    }
}
