"""The command line and the start: what is wrong is one sentence and the right exit code."""

import json
import os
import socket

from support import EndToEndTest

COMMANDS = ("serve", "demo", "config", "config check", "config print", "import", "export",
            "resolve", "providers", "b3sum", "lookup", "announce", "testnet", "version")
ANY_PORT = ("--http-bind", "127.0.0.1:0")


class CommandLineTest(EndToEndTest):
    def test_no_arguments_print_the_help(self):
        done = self.succeed()
        self.assertIn("SUBCOMMANDS", done.text)
        self.assertEqual(done.complaint, "")
        self.assertEqual(done.text, self.succeed("--help").text)
        for command in COMMANDS:
            self.assertIn(f"  {command.split()[0]} ", done.text)

    def test_help_of_every_command_has_an_example(self):
        for command in COMMANDS:
            with self.subTest(command=command):
                text = self.succeed(*command.split(), "--help").text
                self.assertRegex(text, r"Examples?:\s+.*svc-index " + command)
                lines = [line for line in text.splitlines() if not line.startswith("USAGE")]
                self.assertLessEqual(max(map(len, lines)), 80, "it does not fit a terminal")

    def test_usage_errors_are_one_sentence(self):
        for words, part in (
            (["bogus"], "bogus"),
            (["import"], "<file>"),
            (["import", "-"], "--db-path"),
            (["import", "-", "--db-path", "a", "--url", "http://127.0.0.1:1"], "--url"),
            (["import", "-", "--db-path", "a", "--bogus"], "--bogus"),
            (["export"], "--db-path"),
            (["resolve"], "<key>"),
            (["resolve", "a", "b"], "'b'"),
            (["resolve", "a", "--limit", "many"], "many"),
            (["providers"], "<cid>"),
            (["version", "--bogus"], "--bogus"),
            (["config", "bogus"], "bogus"),
        ):
            with self.subTest(words=words):
                known = words[0] in COMMANDS
                help_words = f"svc-index {words[0]} --help" if known else "svc-index --help"
                self.fail_with(64, [part, help_words], *words)

    def test_version_says_what_this_is(self):
        self.assertRegex(self.succeed("version").text, r"\Asvc-index \d+\.\d+\.\d+ \(commit ")
        build = json.loads(self.succeed("version", "--json").text)
        server = self.start()
        self.assertEqual(json.loads(server.get("/version").body), build)
        self.stop(server)


class SettingsTest(EndToEndTest):
    """Every command that takes settings refuses the same mistakes in the same words."""

    def write_config(self, text):
        path = self.folder / "svc-index.toml"
        path.write_text(text)
        return path

    def refuse(self, parts, *words, **options):
        for command in (["serve"], ["config", "check"], ["config", "print"]):
            with self.subTest(command=command, words=words):
                self.fail_with(78, parts, *command, *words, **options)

    def test_unknown_keys_are_refused_by_name(self):
        self.refuse(["--cache-entires", "did you mean --cache-entries?"], "--cache-entires", 5)
        self.refuse(["--nothing-like-it", "config print"], "--nothing-like-it=5")
        config = self.write_config("[cache]\nentires = 5\n")
        self.refuse(["cache.entires", f"{config}:2", "cache.entries"], "--config", config)
        environment = {**os.environ, "SVC_INDEX_CACHE_ENTIRES": "5"}
        self.refuse(["SVC_INDEX_CACHE_ENTIRES", "SVC_INDEX_CACHE_ENTRIES"], env=environment)

    def test_bad_values_are_refused_with_the_allowed_range(self):
        allowed = "allowed: 1 to 100000000"
        self.refuse(["cache.entries", '"x"', "--cache-entries", allowed], "--cache-entries", "x")
        self.refuse(["cache.entries", "0", allowed], "--cache-entries", 0)
        config = self.write_config("[cache]\nentries = -1\n")
        self.refuse(["cache.entries", "-1", f"{config}:2", allowed], "--config", config)
        environment = {**os.environ, "SVC_INDEX_CACHE_ENTRIES": ""}
        self.refuse(["cache.entries", "SVC_INDEX_CACHE_ENTRIES", allowed], env=environment)
        self.refuse(["profile", "giganode", "micronode, macronode"], "--profile", "giganode")
        self.refuse(["http.bind", "here"], "--http-bind", "here")
        self.refuse(["log.level", "loud", "trace"], "--log-level", "loud")
        self.refuse(["amnesia.enabled", "db.path"], "--amnesia-enabled", "--db-path", "somewhere")
        self.refuse(["http.bind", "needs a value"], "--http-bind")

    def test_a_bad_value_is_refused_even_where_it_is_overruled(self):
        environment = {**os.environ, "SVC_INDEX_CACHE_ENTRIES": "many"}
        self.refuse(["SVC_INDEX_CACHE_ENTRIES"], "--cache-entries", 5, env=environment)

    def test_all_mistakes_are_told_at_once(self):
        words = ("config", "check", "--cache-entries", "x", "--log-level", "y", "--bogus", "z")
        done = self.command(*words)
        self.assertEqual(done.returncode, 78)
        self.assertEqual(len(done.complaint.splitlines()), 3, done.complaint)
        done = self.command(*words, "--json")
        self.assertEqual(done.returncode, 78)
        problems = json.loads(done.text)["problems"]
        keys = sorted(problem["key"] for problem in problems)
        self.assertEqual(keys, ["--bogus", "cache.entries", "log.level"])

    def test_unreadable_configuration_is_refused(self):
        missing = self.folder / "missing.toml"
        self.refuse([missing, "no such file"], "--config", missing)
        self.refuse([self.folder, "is a directory"], "--config", self.folder)
        config = self.write_config("[cache\nentries = 5\n")
        self.refuse([f"{config}:1"], "--config", config)
        config.write_bytes(b"\xff\xfe\x00")
        self.refuse([config, "UTF-8"], "--config", config)
        environment = {**os.environ, "SVC_INDEX_CONFIG": str(missing)}
        self.refuse([missing], env=environment)
        if os.geteuid() != 0:
            config.chmod(0)
            self.refuse([config, "Permission denied"], "--config", config)

    def printed(self, *words, **options):
        document = json.loads(self.succeed("config", "print", "--json", *words, **options).text)
        return {row["key"]: (row["value"], row["origin"]) for row in document["settings"]}

    def test_precedence_is_flag_environment_file_profile(self):
        config = self.write_config("[cache]\nentries = 3\n")
        environment = {**os.environ, "SVC_INDEX_CACHE_ENTRIES": "2"}
        steps = [
            (1, "--cache-entries", {"env": environment}, ("--cache-entries", 1)),
            (2, "SVC_INDEX_CACHE_ENTRIES", {"env": environment}, ()),
            (3, f"{config}:2", {}, ()),
        ]
        macronode = ("--profile", "macronode", "--config", config)
        for value, origin, options, words in steps:
            row = self.printed(*macronode, *words, **options)["cache.entries"]
            self.assertEqual(row[0], value)
            self.assertIn(origin, row[1])
            table = self.succeed("config", "print", *macronode, *words, **options).text
            [line] = [line for line in table.splitlines() if line.startswith("cache.entries ")]
            self.assertRegex(line, rf"^cache\.entries +{value} +.*{origin}")
        value, origin = self.printed("--profile", "macronode")["cache.entries"]
        self.assertEqual((value, "macronode" in origin), (150_000, True))
        value, origin = self.printed()["cache.entries"]
        self.assertEqual((value, "micronode" in origin), (20_000, True))
        self.assertEqual(self.printed()["http.max_body_bytes"], (1 << 20, "built-in"))

    def test_naming_a_directory_ends_amnesia(self):
        self.assertEqual(self.printed()["amnesia.enabled"][0], True)
        value, origin = self.printed("--db-path", "somewhere")["amnesia.enabled"]
        self.assertEqual((value, origin), (False, "derived from db.path"))
        self.assertFalse((self.folder / "somewhere").exists(), "printing made a directory")
        server = self.start(database=self.database)
        self.assertTrue((self.database / "index.sqlite").exists())
        self.assertEqual(self.database.stat().st_mode & 0o777, 0o700)
        self.assertIn('amnesia_mode{status="off"} 1', server.get("/metrics").body.decode())
        self.stop(server)

    def test_check_of_what_is_right_says_so(self):
        self.assertEqual(self.succeed("config", "check").complaint, "")
        done = self.succeed("config", "check", "--json", "--profile", "macronode")
        self.assertEqual(json.loads(done.text), {"problems": []})

    def test_secrets_are_never_printed(self):
        words = ("--auth-token-file", self.token_file)
        text = self.succeed("config", "print", *words).text
        text += self.succeed("config", "print", "--json", *words).text
        self.assertNotIn(self.token_file.read_text().strip(), text)


class StartTest(EndToEndTest):
    def test_port_in_use_is_refused(self):
        with socket.socket() as holder:
            holder.bind(("127.0.0.1", 0))
            holder.listen()
            address = "127.0.0.1:%d" % holder.getsockname()[1]
            for command in ("serve", "demo"):
                done = self.command(command, "--http-bind", address)
                self.assertEqual(done.returncode, 69, done.complaint)
                last = done.complaint.splitlines()[-1]
                self.assertRegex(last, rf"^svc-index: cannot listen on {address}: .*in use")
                self.assertIn("--http-bind", last)
            done = self.command("serve", *ANY_PORT, "--metrics-bind", address)
            self.assertEqual(done.returncode, 69, done.complaint)
            self.assertIn("--metrics-bind", done.complaint.splitlines()[-1])

    def test_address_of_another_machine_is_refused(self):
        for address in ("192.0.2.1:5304", "no-such-host.invalid:5304"):
            done = self.command("serve", "--http-bind", address)
            self.assertEqual(done.returncode, 69, done.complaint)
            last = done.complaint.splitlines()[-1]
            self.assertRegex(last, rf"^svc-index: cannot listen on {address}: .*--http-bind")

    def test_token_file_that_cannot_be_used_is_refused(self):
        missing = self.folder / "no-token"
        words = ("serve", *ANY_PORT, "--auth-token-file")
        self.fail_with(78, [missing, "no such file", "auth.token_file"], *words, missing)
        for content in (b"", b"short", b"two words of sixteen\n", b"\xff" * 32, b"x" * 5000):
            self.token_file.write_bytes(content)
            done = self.fail_with(78, [self.token_file, "16 to 4096"], *words, self.token_file)
            if content:
                self.assertNotIn(content.decode(errors="replace"), done.complaint)
        self.fail_with(78, [self.folder, "auth.token_file"], *words, self.folder)

    def test_file_in_place_of_the_store_is_refused(self):
        path = self.folder / "a-file"
        path.write_text("not a directory")
        for command in (("serve", *ANY_PORT), ("export",), ("import", "-")):
            parts = [path, "cannot be written", "not a directory"]
            self.fail_with(69, parts, *command, "--db-path", path)

    def test_demo_serves_its_names_and_says_what_to_try(self):
        demo = self.start(command="demo", admin=False)
        self.assert_status(demo.get("/resolve/libc6"), 200)
        self.assertIn(f"curl {demo.url}/resolve/libc6", demo.log_text())
        self.stop(demo)
        parts = ["demo", "RAM", "serve"]
        self.fail_with(64, parts, "demo", "--db-path", self.database)

    def test_logs_are_json_lines_without_secrets(self):
        server = self.start("--log-level", "trace", database=self.database)
        server.put("/admin/names/a-name-to-log", {"manifest_cid": "b3:" + "0" * 64})
        server.get("/resolve/a-name-to-log")
        server.request("GET", "/admin/names", headers={"Authorization": "Bearer wrong-token-12345"})
        self.stop(server)
        records = [json.loads(line) for line in server.log_text().splitlines()]
        for record in records:
            self.assertLessEqual({"time", "level", "message"}, set(record))
        requests = [record for record in records if "corr_id" in record]
        self.assertGreaterEqual(len(requests), 3)
        for secret in (self.token_file.read_text().strip(), "wrong-token-12345", "0" * 64):
            self.assertNotIn(secret, server.log_text())
