import ArgumentParser
import Logging
import Testing

@testable import Settings

@Suite("Flags win over the environment, that over the file, that over the defaults")
struct PrecedenceTests {
    @Test("With nothing said, the defaults are in force")
    func defaults() throws {
        let settings = try load()
        #expect(settings.config == nil)
        #expect(settings.host == "127.0.0.1")
        #expect(settings.port == 8000)
        #expect(settings.data == "holdfast-data")
        #expect(settings.events == [])
        #expect(settings.classic == Settings.Classic(event: nil, status: .exact))
        #expect(settings.durability == .full)
        #expect(settings.recoveryGrace == .seconds(60))
        #expect(settings.log == Settings.Log(level: .info, format: .auto))
        #expect(
            settings.limits
                == Settings.Limits(
                    connections: 10000, connectionsPerCaller: 0, listeners: 5000, headerBytes: 16384, bodyBytes: 65536,
                    keys: 4_000_000, liveHolds: 2_000_000))
        let timeouts = Settings.Timeouts(
            idle: .seconds(75), request: .seconds(10), write: .seconds(30), lameDuck: .zero, drain: .seconds(10))
        #expect(settings.timeouts == timeouts)
        #expect(settings.threads == 0)
        #expect(settings.readings.allSatisfy { $0.origin == .standard })
    }

    @Test("Every default is allowed, and every name stands once")
    func table() {
        for setting in Setting.all {
            #expect(setting.standard.map(setting.allowed.holds) ?? true, "\(setting.name)")
        }
        #expect(Set(Setting.all.map(\.name)).count == Setting.all.count)
        #expect(Set(Setting.all.map(\.flag)).count == Setting.all.count)
        #expect(Set(Setting.all.map(\.variable)).count == Setting.all.count)
    }

    @Test("Each key is read from each source, and the higher source wins", arguments: Setting.all.filter(\.isInFile))
    func layers(_ setting: Setting) throws {
        let (inFile, inEnvironment, inFlags) = samples(of: setting)
        let json = setting.allowed.json(inFile)
        let environment = [setting.variable: inEnvironment]
        let others = companions(of: setting)

        let fromFile = try load(others, file: file(setting, json)).reading(setting)
        #expect(fromFile?.value == setting.allowed.value(ofTexts: [inFile]))
        #expect(fromFile?.origin == .file("config.json"))

        let fromEnvironment = try load(others, environment: environment, file: file(setting, json)).reading(setting)
        #expect(fromEnvironment?.value == setting.allowed.value(ofTexts: [inEnvironment]))
        #expect(fromEnvironment?.origin == .environment(setting.variable))

        let options = try SettingsOptions.parse(["--\(setting.flag)", inFlags])
        let flags = options.flags.merging(others) { one, _ in one }
        let all = try load(flags, environment: environment, file: file(setting, json))
        #expect(all.reading(setting)?.value == setting.allowed.value(ofTexts: [inFlags]))
        #expect(all.reading(setting)?.origin == .flag("--\(setting.flag)"))
        // Nothing else moved.
        #expect(
            all.readings.filter { $0.setting != setting && $0.setting != "config" && others[$0.setting] == nil }
                .allSatisfy { $0.origin == .standard }
        )
    }

    @Test("The values arrive in the fields that are called like them")
    func fields() throws {
        let settings = try load(
            file: """
                {"host": "::1", "port": 0, "data": "/d", "event": ["a", "b,c"], "durability": "relaxed",
                 "classic": {"event": "x_-9", "status": 403}, "log": {"level": "trace", "format": "json"},
                 "limits": {"connections": 1, "connections_per_caller": 2, "listeners": 0, "header_bytes": 1024,
                            "body_bytes": 0, "keys": 1000, "live_holds": 2},
                 "quota": {"per_second": 7, "burst": 8, "listeners": 9}, "recovery_grace_seconds": 5,
                 "timeouts": {"idle_seconds": 1, "request_seconds": 2, "drain_seconds": 3, "write_seconds": 4,
                              "lame_duck_seconds": 5}, "threads": 4,
                 "store": "redis://u:p@h:1/2", "token_keys": "/k", "public_url": "https://t.example",
                 "pages": {"theme": {"name": "House", "logo": "/l.svg", "accent": "#0b5cad", "imprint_url": "https://a/i",
                                     "privacy_url": "https://a/p"}, "images": "/i", "embed_origins": ["https://a"]},
                 "redis": {"prefix": "x", "password_file": "/p", "ca_file": "/c", "wait_replicas": 2, "wait_ms": 3,
                           "holds": "relaxed", "unfit": "warn"}}
                """)
        #expect(settings.config == "config.json")
        #expect(settings.host == "::1" && settings.port == 0 && settings.data == "/d" && settings.threads == 4)
        #expect(settings.events == ["a", "b,c"] && settings.publicURL == "https://t.example")
        #expect(
            settings.pages.theme
                == Settings.Theme(
                    name: "House", logo: "/l.svg", accent: "#0b5cad", imprint: "https://a/i", privacy: "https://a/p"))
        #expect(settings.pages.images == "/i" && settings.pages.embedOrigins == ["https://a"])
        #expect(settings.durability == .relaxed)
        #expect(settings.classic == Settings.Classic(event: "x_-9", status: .forbidden))
        #expect(settings.log == Settings.Log(level: .trace, format: .json))
        #expect(
            settings.limits
                == Settings.Limits(
                    connections: 1, connectionsPerCaller: 2, listeners: 0, headerBytes: 1024, bodyBytes: 0, keys: 1000,
                    liveHolds: 2))
        #expect(settings.quota == Settings.Quota(perSecond: 7, burst: 8, listeners: 9))
        #expect(settings.recoveryGrace == .seconds(5))
        #expect(settings.store == .redis(address: "redis://u:p@h:1/2") && settings.tokenKeys == "/k")
        let redis = Settings.Redis(
            prefix: "x", passwordFile: "/p", caFile: "/c", waitReplicas: 2, waitTime: .milliseconds(3), holds: .relaxed,
            unfit: .warn)
        #expect(settings.redis == redis)
        let timeouts = Settings.Timeouts(
            idle: .seconds(1), request: .seconds(2), write: .seconds(4), lameDuck: .seconds(5), drain: .seconds(3))
        #expect(settings.timeouts == timeouts)
    }

    @Test("Of few connections half may listen, unless somebody says how many; more than all is refused")
    func listeners() throws {
        for (connections, most) in [("1", 0), ("8", 4), ("9999", 4_999), ("10000", 5_000), ("1000000", 5_000)] {
            let settings = try load(["limits.connections": [connections]])
            #expect(settings.limits.listeners == most)
            #expect(settings.reading("limits.listeners")?.value == .number(most))
        }
        #expect(try load(["limits.connections": ["8"], "limits.listeners": ["8"]]).limits.listeners == 8)
        let environment = ["HOLDFAST_LIMITS_LISTENERS": "9"]
        let error = #expect(throws: SettingsError.self) {
            try load(["limits.connections": ["8"]], environment: environment)
        }
        #expect(
            error?.description
                == "limits.listeners: 9 from environment HOLDFAST_LIMITS_LISTENERS is more than limits.connections, "
                + "8 from flag --limits-connections; each listener has a connection")
        #expect(error?.exitCode == 64)
    }

    @Test("A byte order mark before the file is passed over")
    func byteOrderMark() throws {
        #expect(try load(file: "\u{feff}{\"port\": 9}").port == 9)
    }

    @Test("A list is taken whole from the first source that has one")
    func lists() throws {
        let options = try SettingsOptions.parse(["--event", "a", "--event", "b"])
        let environment = ["HOLDFAST_EVENT": "c, d"]
        let json = #"{"event": ["e"]}"#
        #expect(try load(options.flags, environment: environment, file: json).events == ["a", "b"])
        #expect(try load(environment: environment, file: json).events == ["c", "d"])
        #expect(try load(file: json).events == ["e"])
        #expect(try load(file: #"{"event": []}"#).events == [])
    }

    @Test("The file is the one of the flag, of the variable, or config.json if it is there")
    func configFile() throws {
        let place = try Place()
        try place.write(#"{"port": 1}"#)
        try place.write(#"{"port": 2}"#, to: "two.json")
        try place.write(#"{"port": 3}"#, to: "three.json")
        func config(_ flags: [Setting: [String]], _ environment: [String: String]) throws -> (String?, Int, Origin?) {
            let settings = try Settings.load(flags: flags, environment: environment, directory: place.path)
            return (settings.config, settings.port, settings.reading("config")?.origin)
        }
        #expect(try config([:], [:]) == ("config.json", 1, .standard))
        let variable = ["HOLDFAST_CONFIG": "two.json"]
        #expect(try config([:], variable) == ("two.json", 2, .environment("HOLDFAST_CONFIG")))
        #expect(try config(["config": ["three.json"]], variable) == ("three.json", 3, .flag("--config")))
        let absolute = place.path + "/two.json"
        #expect(try config(["config": [absolute]], [:]) == (absolute, 2, .flag("--config")))
    }

    @Test("A value that is overridden is not looked at")
    func overridden() throws {
        let settings = try load(
            ["port": ["1"]], environment: ["HOLDFAST_PORT": "many", "OTHER_PORT": "x"], file: #"{"port": "more"}"#)
        #expect(settings.port == 1)
    }

    @Test("A program says itself what it wants, and is checked as well")
    func code() throws {
        let settings = try Settings(["port": 0, "data": "/tmp/x", "event": ["a"]])
        #expect(settings.port == 0 && settings.data == "/tmp/x" && settings.events == ["a"])
        #expect(settings.reading("port")?.origin == .code)
        let error = #expect(throws: SettingsError.self) { try Settings(["port": 65536]) }
        #expect(error?.description == "port: 65536 from code is wrong; allowed: a whole number from 0 to 65535")
        #expect(throws: SettingsError.self) { try Settings(["port": "80"]) }
    }

    /// Settings without which this one is refused.
    private func companions(of setting: Setting) -> [Setting: [String]] {
        switch setting.name {
        case "tls.certificate": ["tls.key": ["key.pem"]]
        case "tls.key": ["tls.certificate": ["certificate.pem"]]
        case "proxies.protocol": ["proxies.trusted": ["10.0.0.0/8"]]
        default: [:]
        }
    }

    /// Three different values that are allowed.
    private func samples(of setting: Setting) -> (String, String, String) {
        // No more than there are connections.
        if setting == "limits.listeners" { return ("0", "2", "1") }
        return switch setting.allowed {
        case .number(let range): ("\(range.lowerBound)", "\(range.upperBound)", "\(range.lowerBound + 1)")
        case .choice(let words): (words[0], words[1], words.last ?? "")
        case .url: ("http://one:4318", "https://two/v1/traces", "http://[::1]:4318/x/")
        case .origin: ("https://one", "http://two:1", "https://three:65535")
        case .address: ("127.0.0.1:0", "[::1]:9464", "localhost:65535")
        case .host, .path, .paths, .code, .line: ("one", "two", "three")
        case .addresses: ("one:1", "unix:/run/two", "http://[::1]:3")
        case .networks: ("10.0.0.1", "fd00::/8", "unix")
        case .origins: ("https://one", "*", "https://three:65535")
        case .exactOrigins: ("https://one", "http://two:1", "https://three:65535")
        case .mode: ("0600", "660", "0777")
        case .link: ("https://one/a", "http://two:1", "https://three?a=b")
        case .colour: ("#000000", "#FFFFFF", "#0b5cad")
        case .store: ("redis://one:1", "rediss+cluster://two:2,three:3", "valkey://four")
        }
    }
}

extension Allowed {
    /// A value as it stands in the file.
    func json(_ text: String) -> String {
        switch self {
        case .number: text
        case .paths, .addresses, .networks, .origins, .exactOrigins: "[\"\(text)\"]"
        case .choice, .host, .address, .mode, .path, .code, .origin, .link, .line, .colour, .url, .store: "\"\(text)\""
        }
    }
}
