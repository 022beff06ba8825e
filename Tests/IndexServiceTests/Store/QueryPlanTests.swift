import GRDB
import Testing

@testable import IndexService

@Suite struct QueryPlanTests {
    @Test(arguments: IndexStatement.allCases)
    func everyStatementUsesAnIndex(_ statement: IndexStatement) async throws {
        try await withStore { store in
            let plan = try store.read { try $0.queryPlan(of: statement) }
            #expect(!plan.contains { $0.hasPrefix("SCAN") }, "\(plan)")
            #expect(!plan.contains { $0.contains("TEMP B-TREE") }, "\(plan)")
            let searches = plan.filter { $0.hasPrefix("SEARCH") }
            #expect(searches.allSatisfy { $0.contains(" USING ") }, "\(plan)")
            // An INSERT of values looks nothing up by a plan of its own; everything else must.
            let isInsert = statement.rawValue.hasPrefix("INSERT")
            #expect(searches.isEmpty == isInsert, "\(plan)")
        }
    }

    /// The check above would see a scan if there were one.
    @Test func aScanShowsInThePlan() async throws {
        try await withStore { store in
            let plan = try store.read {
                try Row.fetchAll(
                    $0,
                    sql: "EXPLAIN QUERY PLAN SELECT * FROM names WHERE version = 1"
                )
            }
            #expect(plan.contains { ($0["detail"] as String).hasPrefix("SCAN") })
        }
    }
}
