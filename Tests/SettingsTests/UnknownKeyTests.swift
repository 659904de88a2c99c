import Testing

@testable import Settings

@Suite("A key that does not exist is refused, with what may have been meant")
struct UnknownKeyTests {
    @Test(
        "In the file",
        arguments: [
            (#"{"prot": 1}"#, "prot", "; did you mean port?"),
            (#"{"limits": {"headerBytes": 2000}}"#, "limits.headerBytes", "; did you mean limits.header_bytes?"),
            (#"{"log": {"levle": "info"}}"#, "log.levle", "; did you mean log.level?"),
            (#"{"log.level": "info"}"#, "log.level", #"; did you mean {"log": {"level": …}}?"#),
            (#"{"limit": {"connections": 1}}"#, "limit", "; did you mean limits?"),
            (#"{"header_bytes": 2000}"#, "header_bytes", "; did you mean limits.header_bytes?"),
            (#"{"timeouts": {}, "zzz": {}}"#, "zzz", "; --help lists the keys there are"),
            (#"{"config": "other.json"}"#, "config", "; --help lists the keys there are"),
            (#"{"": 1}"#, "", "; --help lists the keys there are"),
            (#"{"po\nrt\u001b": 1}"#, #"po\nrt\u001b"#, "; did you mean port?"),
            (#"{"Prot": 1, "Hots": 1}"#, "Prot", "; did you mean port?"),
        ])
    func inFile(_ json: String, _ name: String, _ hint: String) throws {
        let error = try refusal(file: json)
        #expect(error?.description == "unknown key \"\(name)\" in file config.json\(hint)")
        #expect(error?.exitCode == 64)
    }

    @Test(
        "In the environment",
        arguments: [
            ("HOLDFAST_PROT", "; did you mean HOLDFAST_PORT?"),
            ("HOLDFAST_LIMITS__HEADERBYTES", "; did you mean HOLDFAST_LIMITS_HEADER_BYTES?"),
            ("HOLDFAST_KYE", "; did you mean HOLDFAST_KEY?"),
            ("HOLDFAST_LEVEL", "; did you mean HOLDFAST_LOG_LEVEL?"),
            ("HOLDFAST_QQQQQQ", "; --help lists the keys there are"),
            ("HOLDFAST_", "; --help lists the keys there are"),
        ])
    func inEnvironment(_ name: String, _ hint: String) throws {
        let error = try refusal(environment: [name: "1", "PATH": "/bin", "HOLDFASTER": "1"])
        #expect(error?.description == "unknown environment variable \(name)\(hint)")
        #expect(error?.exitCode == 64)
    }

    @Test("What the commands that ask a service take is known, and is not a setting")
    func clients() throws {
        #expect(try refusal(environment: ["HOLDFAST_KEY": "hfk_x", "HOLDFAST_URL": "http://h"]) == nil)
        #expect(try refusal(file: #"{"url": "http://h"}"#)?.exitCode == 64)
    }

    @Test("A group of keys that is not an object is a wrong value")
    func group() throws {
        let error = try refusal(file: #"{"log": "info"}"#)
        #expect(
            error?.description == #"log: "info" from file config.json is wrong; allowed: an object with level, format"#)
        #expect(try refusal(file: #"{"log": {}}"#) == nil)
    }

    @Test("A long name is cut, and costs no comparison")
    func long() throws {
        let name = String(repeating: "port", count: 10000)
        let error = try #require(try refusal(file: "{\"\(name)\": 1}"))
        #expect(error.description.utf8.count < 500)
    }
}

@Suite("A file that cannot be used ends the start with 78")
struct UnusableFileTests {
    @Test(
        "It is not a JSON object",
        arguments: [
            ("", "is not JSON: "), ("nonsense", "is not JSON: "), (#"{"port": 1"#, "is not JSON: "),
            ("[]", "is not a JSON object"), ("3", "is not a JSON object"), ("null", "is not a JSON object"),
            (String(repeating: "[", count: 100_000), "is not JSON: "),
            (String(repeating: " ", count: 1 << 20) + "{}", "cannot be read: longer than 1048576 bytes"),
        ])
    func content(_ json: String, _ reason: String) throws {
        let error = try #require(try refusal(file: json))
        #expect(error.description.hasPrefix("file config.json \(reason)"), "\(error)")
        #expect(!error.description.contains { $0.isNewline })
        #expect(error.exitCode == 78)
    }

    @Test("The line and the column of a mistake are named")
    func position() throws {
        let error = try #require(try refusal(file: "{\n  \"port\": 1\n  \"host\": 2\n}"))
        #expect(
            error.description == "file config.json is not JSON: line 3, column 3 (byte 16): a comma or } was expected")
    }

    @Test("A name that stands twice in one object is refused, and not one of its values taken")
    func twice() throws {
        let error = try #require(try refusal(file: #"{"log": {"level": "info", "level": "debug"}}"#))
        #expect(error.description.hasPrefix("file config.json is not JSON: line 1, column 27"), "\(error)")
        #expect(error.description.contains("twice"), "\(error)")
        #expect(error.exitCode == 78)
    }

    @Test("It is not there, or cannot be read")
    func path() throws {
        #expect(try refusal(["config": ["no.json"]])?.description == "file no.json is not there")
        #expect(try refusal(["config": ["no.json"]])?.exitCode == 78)
        let directory = try refusal(["config": ["/"]])
        #expect(directory?.description == "file / cannot be read: Is a directory")
        #expect(directory?.exitCode == 78)
        #expect(try refusal(["config": ["/dev/zero"]])?.description.contains("longer than") == true)
        #expect(try refusal(["config": [""]])?.exitCode == 64)
    }

    @Test("It is not UTF-8")
    func encoding() throws {
        let place = try Place()
        try FileBytesFixture.write([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d], to: place.path + "/config.json")
        let error = #expect(throws: SettingsError.self) { try Settings.load(directory: place.path) }
        #expect(error == SettingsError(description: "file config.json is not UTF-8", exitCode: 78))
    }
}
