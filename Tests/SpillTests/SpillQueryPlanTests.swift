import GRDB
import Testing

@testable import Spill

@Suite struct SpillQueryPlanTests {
    @Test(arguments: SpillStatement.allCases)
    func everyStatementGoesAlongAKey(_ statement: SpillStatement) throws {
        let plan = try queryPlan(of: statement.rawValue)
        #expect(!plan.contains { $0.contains("TEMP B-TREE") }, "\(plan)")
        switch statement {
        case .insert:
            // Values have no plan of their own.
            #expect(plan.isEmpty, "\(plan)")
        case .selectOldest:
            // The first rows of the table in its own order, as many as its limit says.
            #expect(plan == ["SCAN entries"])
            #expect(statement.rawValue.hasSuffix("ORDER BY id LIMIT ?"))
        case .select, .deleteKey, .deleteRow, .updateEntries:
            #expect(!plan.isEmpty)
            #expect(plan.allSatisfy { $0.hasPrefix("SEARCH") && $0.contains(" USING ") }, "\(plan)")
        }
    }

    /// The check above would see a scan if there were one.
    @Test func aScanShowsInThePlan() throws {
        let plan = try queryPlan(of: "SELECT * FROM entries WHERE stale_until = 1")
        #expect(plan.contains { $0.hasPrefix("SCAN") }, "\(plan)")
    }

    /// What SQLite would do for a statement, a line for each table.
    private func queryPlan(of statement: String) throws -> [String] {
        let queue = try DatabaseQueue()
        return try queue.write { database in
            try database.execute(sql: SpillStatement.schema)
            let explanation = try database.makeStatement(sql: "EXPLAIN QUERY PLAN " + statement)
            // A plan needs no values for the statement's parameters.
            explanation.setUncheckedArguments([])
            return try Row.fetchAll(explanation).map { $0["detail"] as String }
        }
    }
}
