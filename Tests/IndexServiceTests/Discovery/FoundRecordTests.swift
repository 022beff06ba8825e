import Cache
import DHTClient
import Testing

@testable import DHTCore
@testable import IndexService

/// What lookups that ended in one way or another say of a key name.
@Suite struct FoundRecordTests {
    private typealias Finding = Result<LookupResult, Discovered.Obstacle>

    private let unfinished: [LookupEnd] = [
        .deadline, .hopCap, .packetBudget, .unreachable, .tooFewAnswers, .cancelled,
    ]

    private func makePacket(_ name: KeyName, at text: String = "a") throws -> StoredItem {
        let signer = try #require(ItemSigner(seed: [UInt8](repeating: 3, count: 32)))
        let update = try KeyNameUpdate(
            pointing: name,
            at: makeLink(text),
            in: nil,
            microseconds: 1
        )
        return try #require(signer.item(value: update.value, sequence: update.sequence))
    }

    private func makeName(_ label: String) throws -> KeyName {
        let signer = try #require(ItemSigner(seed: [UInt8](repeating: 3, count: 32)))
        let key = KeyName(signer.publicKey).keyText
        return try #require(KeyName(try Name(parsing: "\(label).\(key)")))
    }

    private func makeFinding(
        _ item: StoredItem?,
        _ end: LookupEnd,
        of name: KeyName,
        answers: Int = 8
    ) -> Finding {
        var report = LookupReport()
        report.end = end
        report.responded = answers
        return .success(
            LookupResult(
                id: LookupID(slot: 0, serial: 0),
                goal: .mutable(name.publicKey, salt: []),
                target: NodeID(high: 0, middle: 0, low: 0),
                family: .v4,
                report: report,
                providers: [],
                item: item,
                closest: [],
                trace: [],
                write: nil,
                isHarvesting: false
            )
        )
    }

    private func judge(_ findings: [Finding], of name: KeyName) -> FoundRecord {
        var isNews = false
        return FoundRecord(
            of: name,
            in: findings,
            isEarly: false,
            NewestRecords(),
            isNews: &isNews,
            at: .now()
        )
    }

    @Test func aRecordIsCurrentOnceAllWereAsked() throws {
        let name = try makeName("blog")
        let item = try makePacket(name)
        guard
            case .found(_, isCurrent: true, isEarly: _) = judge(
                [makeFinding(item, .complete, of: name)],
                of: name
            )
        else {
            Issue.record("not found, or not current")
            return
        }
    }

    /// Whom it did not come to may have a newer one.
    @Test func aRecordOfALookupThatWasCutShortIsNotCurrent() throws {
        let name = try makeName("blog")
        let item = try makePacket(name)
        for end in unfinished {
            let lone = makeFinding(item, end, of: name)
            let other = makeFinding(item, .complete, of: name)
            for findings in [[lone], [lone, other], [other, lone]] {
                guard case .found(_, isCurrent: false, isEarly: _) = judge(findings, of: name)
                else {
                    Issue.record("\(end): not found, or said to be current")
                    continue
                }
            }
        }
    }

    @Test func anItemWithoutTheNameIsProofThatItIsAbsentOnceAllWereAsked() throws {
        let (name, other) = try (makeName("blog"), makeName("other"))
        let finding = makeFinding(try makePacket(other), .complete, of: name)
        guard case .absent = judge([finding], of: name) else {
            Issue.record("not absent")
            return
        }
    }

    /// A newer item may have it: nobody must be told, or remember, that there is no such name.
    @Test func anItemWithoutTheNameIsNoProofWhereTheLookupWasCutShort() throws {
        let (name, other) = try (makeName("blog"), makeName("other"))
        let item = try makePacket(other)
        for end in unfinished {
            guard case .unknown = judge([makeFinding(item, end, of: name)], of: name) else {
                Issue.record("\(end): said to be absent")
                continue
            }
        }
    }

    @Test func theObstacleIsTheOneThatTryingAgainHelpsMost() throws {
        let name = try makeName("blog")
        let findings: [Finding] = [
            .failure(.unreachable),
            makeFinding(nil, .deadline, of: name),
            makeFinding(nil, .tooFewAnswers, of: name),
        ]
        guard case .unknown(.deadline, newest: _) = judge(findings, of: name) else {
            Issue.record("another obstacle")
            return
        }
    }
}
