internal import IndexService

/// The names of the demo: packages of Debian 12 with their real sizes, digests and mirrors.
enum DemoSamples {
    /// One package as Debian's index lists it.
    private struct Sample {
        let name: String
        let version: String
        let size: Int
        let sha256: String
        let filename: String

        init(
            _ name: String,
            _ version: String,
            _ size: Int,
            _ sha256: String,
            _ filename: String
        ) {
            self.name = name
            self.version = version
            self.size = size
            self.sha256 = sha256
            self.filename = filename
        }
    }

    static var count: Int { samples.count }

    /// The samples as import entries, made the way a line of an import is.
    static func entries() throws -> [ImportEntry] {
        var reader = ImportLineReader()
        return try samples.map { sample in
            try ImportEntry(try reader.read(line(sample).span), at: .now())
        }
    }

    private static func line(_ sample: Sample) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.field("name", sample.name)
        json.key("manifest")
        json.beginObject()
        json.field("package", sample.name)
        json.field("version", sample.version)
        json.field("size", sample.size)
        json.field("sha256", sample.sha256)
        json.field("filename", sample.filename)
        json.endObject()
        json.key("providers")
        json.beginArray()
        for mirror in mirrors {
            json.beginObject()
            json.field("id", mirror.id)
            json.field("addr", mirror.base + sample.filename)
            json.field("region", mirror.region)
            json.endObject()
        }
        json.endArray()
        json.endObject()
        return json.bytes
    }

    private static let mirrors = [
        (id: "mirror-us", region: "us-east-1", base: "http://ftp.us.debian.org/debian/"),
        (id: "mirror-de", region: "eu-central-1", base: "http://ftp.de.debian.org/debian/"),
        (id: "mirror-ie", region: "eu-west-1", base: "http://ftp.ie.debian.org/debian/"),
    ]

    private static let samples = [
        Sample(
            "apt",
            "2.6.2",
            1373116,
            "796fc7fe18866f5b1fb27a115d7339e549d71b7ddbc15b8d6fc4226c243e96d1",
            "pool/updates/main/a/apt/apt_2.6.2_amd64.deb"
        ),
        Sample(
            "bash",
            "5.2.15-2+b13",
            1490652,
            "82130bb6a560cd2a7234d8018baf73f188f5dd56413d5aa0accc987b2197a6a1",
            "pool/main/b/bash/bash_5.2.15-2+b13_amd64.deb"
        ),
        Sample(
            "ca-certificates",
            "20250419~deb12u2",
            160948,
            "b9f76b5271a7ac373fd5e7e1b5b826a71ddd702b42a0d104955ecb1acfffc94b",
            "pool/updates/main/c/ca-certificates/ca-certificates_20250419~deb12u2_all.deb"
        ),
        Sample(
            "coreutils",
            "9.1-1",
            2896560,
            "61038f857e346e8500adf53a2a0a20859f4d3a3b51570cc876b153a2d51a3091",
            "pool/main/c/coreutils/coreutils_9.1-1_amd64.deb"
        ),
        Sample(
            "curl",
            "7.88.1-10+deb12u15",
            315764,
            "0dd9b6bf7a0bd11af2d68a52ec44c2a223fa7c11f9104c36ce1047e1137d4a8f",
            "pool/main/c/curl/curl_7.88.1-10+deb12u15_amd64.deb"
        ),
        Sample(
            "dpkg",
            "1.21.23",
            1567804,
            "f89e9f8d1a4a50ade44be3ed59a6ec55460fce205d2f8520c5c492137c5b609b",
            "pool/main/d/dpkg/dpkg_1.21.23_amd64.deb"
        ),
        Sample(
            "gcc",
            "4:12.2.0-3",
            5216,
            "bb63b0fb2797e2a3a294dab8a02614930c557ec1f4ea96637c244b8b5f87e630",
            "pool/main/g/gcc-defaults/gcc_12.2.0-3_amd64.deb"
        ),
        Sample(
            "git",
            "1:2.39.5-0+deb12u3",
            7264380,
            "637a85ddd6247fab13bdd0592f2f39aff04ce4dbf0655d3ab553ac359a38ce6f",
            "pool/main/g/git/git_2.39.5-0+deb12u3_amd64.deb"
        ),
        Sample(
            "gzip",
            "1.12-1",
            140364,
            "eabec1dde2834f72540d7b93fc5df2625f52611c06d93d61f5cdb12480e0e6a3",
            "pool/main/g/gzip/gzip_1.12-1_amd64.deb"
        ),
        Sample(
            "libc6",
            "2.36-9+deb12u14",
            2759320,
            "ba4f88f73dbc3ae9055f3c20f4523bfdbaf1ad13ff95e258924f77d20b4fbedf",
            "pool/main/g/glibc/libc6_2.36-9+deb12u14_amd64.deb"
        ),
        Sample(
            "libsqlite3-0",
            "3.40.1-2+deb12u2",
            838808,
            "a8d78b40e9b4e422224aeebfe0e4dfc243f6acf3532490b0c05480d4283d41e2",
            "pool/main/s/sqlite3/libsqlite3-0_3.40.1-2+deb12u2_amd64.deb"
        ),
        Sample(
            "libssl3",
            "3.0.22-1~deb12u2",
            2039888,
            "cb4784740daa9b3b0eaea2b444bbefa686794afbbf3d678d238c1fd9875f2efd",
            "pool/updates/main/o/openssl/libssl3_3.0.22-1~deb12u2_amd64.deb"
        ),
        Sample(
            "nginx",
            "1.22.1-9+deb12u10",
            531468,
            "cc7ae36d024f602861eeefe64656d14481b3bd224d81f8d69f789de49f16375a",
            "pool/updates/main/n/nginx/nginx_1.22.1-9+deb12u10_amd64.deb"
        ),
        Sample(
            "openssl",
            "3.0.22-1~deb12u2",
            1441784,
            "5cdf0b735b1c8a96ae0bf83ed328c83c2170f8320dedb035e98705b60b2d0cfe",
            "pool/updates/main/o/openssl/openssl_3.0.22-1~deb12u2_amd64.deb"
        ),
        Sample(
            "python3",
            "3.11.2-1+b1",
            26300,
            "33f6dafbd1a6902d9063172ec7dbd4b2225e12009e0d7ec5c933a72c2f5f3b74",
            "pool/main/p/python3-defaults/python3_3.11.2-1+b1_amd64.deb"
        ),
        Sample(
            "sqlite3",
            "3.40.1-2+deb12u2",
            353348,
            "58e59f7db8a88f87333c3f9896b98146fdf4dc33eda75a1f79d9100d1b819909",
            "pool/main/s/sqlite3/sqlite3_3.40.1-2+deb12u2_amd64.deb"
        ),
        Sample(
            "tar",
            "1.34+dfsg-1.2+deb12u1",
            836288,
            "24fb92e98c2969171f81a8b589263d705f6b1670f95d121cd74c810d4605acc3",
            "pool/main/t/tar/tar_1.34+dfsg-1.2+deb12u1_amd64.deb"
        ),
        Sample(
            "wget",
            "1.21.3-1+deb12u1",
            937340,
            "b389052d1d8a8cacec4f0380d9ee54e8082bfbebe374299be95b5286c9380f80",
            "pool/main/w/wget/wget_1.21.3-1+deb12u1_amd64.deb"
        ),
        Sample(
            "xz-utils",
            "5.4.1-1+deb12u2",
            471448,
            "f99fc3fe4b4e5baecf5fd8b53853a82e1e71cb5ec187b36b0ddcf227a8961c8f",
            "pool/updates/main/x/xz-utils/xz-utils_5.4.1-1+deb12u2_amd64.deb"
        ),
        Sample(
            "zlib1g",
            "1:1.2.13.dfsg-1",
            86684,
            "d7dd1d1411fedf27f5e27650a6eff20ef294077b568f4c8c5e51466dc7c08ce4",
            "pool/main/z/zlib/zlib1g_1.2.13.dfsg-1_amd64.deb"
        ),
    ]
}
