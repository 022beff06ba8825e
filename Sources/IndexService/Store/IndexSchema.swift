internal import GRDB

/// The tables of the index store and their migrations.
///
/// A migration is never edited once it has shipped: a change is a new one at the end. A deleted
/// name keeps its row with no manifest, so that its version goes on counting and no writer can
/// mistake a re-created name for the one it read.
enum IndexSchema {
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("v1: names, manifests, providers, pins") { database in
            try database.execute(sql: version1)
        }
        return migrator
    }

    /// SQLite's `application_id` of our files: "SVIX".
    static let applicationID: Int32 = 0x5356_4958

    /// Whether the database is a store of ours, or empty and so may become one.
    ///
    /// Stores made before there was an id have 0, which is what SQLite writes for everybody: they
    /// are known by the migrations they have on record.
    static func isOurs(_ database: Database) throws -> Bool {
        let id = try Int32.fetchOne(database, sql: "PRAGMA application_id")
        guard id == 0 else { return id == applicationID }
        let tables = try String.fetchAll(
            database,
            sql: "SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        )
        if tables.allSatisfy({ $0 == migrationTable }) { return true }
        guard tables.contains(migrationTable) else { return false }
        return try !migrator.appliedMigrations(database).isEmpty
    }

    /// Writes our id into the file, where it is not yet.
    static func claim(_ database: Database) throws {
        guard try Int32.fetchOne(database, sql: "PRAGMA application_id") != applicationID else {
            return
        }
        try database.execute(sql: "PRAGMA application_id = \(applicationID)")
    }

    /// Overwrites everything in the tables with zeros, and leaves no copy; for a database that is
    /// closed next.
    static func erase(_ database: Database) throws {
        // A journal would be one.
        try database.execute(sql: "PRAGMA journal_mode = OFF")
        try database.execute(sql: "PRAGMA secure_delete = ON")
        for table in ["names", "manifests", "providers", "pins"] {
            try database.execute(sql: "DELETE FROM \(table)")
        }
    }

    /// Where the migrator keeps its record.
    private static let migrationTable = "grdb_migrations"

    private static let version1 = """
        CREATE TABLE names (
            name TEXT NOT NULL PRIMARY KEY,
            manifest_cid BLOB,
            ttl_s INTEGER,
            version INTEGER NOT NULL,
            updated_at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE manifests (
            id INTEGER PRIMARY KEY,
            cid BLOB NOT NULL UNIQUE,
            media_type TEXT NOT NULL,
            bytes BLOB NOT NULL
        ) STRICT;
        CREATE TABLE providers (
            cid BLOB NOT NULL,
            id TEXT NOT NULL,
            addr TEXT NOT NULL,
            region TEXT,
            last_seen INTEGER NOT NULL,
            expires_at INTEGER,
            PRIMARY KEY (cid, id)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX providers_by_expiry ON providers (expires_at) WHERE expires_at IS NOT NULL;
        CREATE TABLE pins (key TEXT NOT NULL PRIMARY KEY) STRICT, WITHOUT ROWID;
        CREATE TABLE probe (id INTEGER PRIMARY KEY, at INTEGER NOT NULL) STRICT;
        INSERT INTO probe (id, at) VALUES (1, 0);
        """
}

/// Every statement the service runs: one place to read them, and to check their query plans.
enum IndexStatement: String, CaseIterable {
    case selectName = """
        SELECT manifest_cid, ttl_s, version, updated_at FROM names WHERE name = ?
        """
    case upsertName = """
        INSERT INTO names (name, manifest_cid, ttl_s, version, updated_at) VALUES (?, ?, ?, 1, ?)
        ON CONFLICT (name) DO UPDATE SET manifest_cid = excluded.manifest_cid,
            ttl_s = excluded.ttl_s, version = version + 1, updated_at = excluded.updated_at
        """
    case importName = """
        INSERT INTO names (name, manifest_cid, ttl_s, version, updated_at) VALUES (?, ?, ?, 1, ?)
        ON CONFLICT (name) DO UPDATE SET manifest_cid = excluded.manifest_cid,
            ttl_s = excluded.ttl_s, version = version + 1, updated_at = excluded.updated_at
        WHERE manifest_cid IS NOT excluded.manifest_cid OR ttl_s IS NOT excluded.ttl_s
        """
    case listNames = """
        SELECT name, manifest_cid, ttl_s, version, updated_at FROM names
        WHERE name > ? AND name < ? AND manifest_cid IS NOT NULL ORDER BY name LIMIT ?
        """
    case selectManifest = "SELECT media_type, bytes FROM manifests WHERE cid = ?"
    case selectManifestExists = "SELECT 1 FROM manifests WHERE cid = ?"
    case upsertManifest = """
        INSERT INTO manifests (cid, media_type, bytes) VALUES (?, ?, ?)
        ON CONFLICT (cid) DO UPDATE SET media_type = excluded.media_type, bytes = excluded.bytes
        WHERE media_type IS NOT excluded.media_type OR bytes IS NOT excluded.bytes
        """
    case selectProviders = """
        SELECT id, addr, region, last_seen, expires_at FROM providers WHERE cid = ? LIMIT ?
        """
    case selectProvider = "SELECT addr, region, expires_at FROM providers WHERE cid = ? AND id = ?"
    case selectProviderExists = "SELECT 1 FROM providers WHERE cid = ? AND id = ?"
    case countProviders = "SELECT count(*) FROM providers WHERE cid = ?"
    case upsertProvider = """
        INSERT INTO providers (cid, id, addr, region, last_seen, expires_at)
        VALUES (?, ?, ?, ?, ?, ?)
        ON CONFLICT (cid, id) DO UPDATE SET addr = excluded.addr, region = excluded.region,
            last_seen = excluded.last_seen, expires_at = excluded.expires_at
        """
    case deleteProvider = "DELETE FROM providers WHERE cid = ? AND id = ?"
    case deleteExpiredProviders = """
        DELETE FROM providers WHERE (cid, id) IN
        (SELECT cid, id FROM providers WHERE expires_at IS NOT NULL AND expires_at < ? LIMIT ?)
        """
    case deleteExpiredProvidersOfOne = """
        DELETE FROM providers WHERE cid = ? AND expires_at IS NOT NULL AND expires_at <= ?
        """
    case insertPin = "INSERT INTO pins (key) VALUES (?) ON CONFLICT (key) DO NOTHING"
    case deletePin = "DELETE FROM pins WHERE key = ?"
    case listPins = "SELECT key FROM pins WHERE key > ? ORDER BY key LIMIT ?"
    case probeRead = "SELECT at FROM probe WHERE id = 1"
    case probeWrite = "UPDATE probe SET at = ? WHERE id = 1"
}
