// For leaving with a status.
internal import Foundation

// `callers COUNT SECONDS DIRECTORY [full|relaxed]` opens an embedded store in an empty directory and has so many callers
// hold tickets in this process, each asking again as soon as it was answered. A tenth of the time before is not measured.
// The result is one line of JSON. With `turns=N` for the seconds they ask N times, all together, and what is printed is
// how many holds that is a turn. The exit status is not 0 when the books do not balance.
let arguments = CommandLine.arguments

func leave(_ result: String, _ balances: Bool) -> Never {
    print(result)
    exit(balances ? 0 : 1)
}

guard (4...5).contains(arguments.count), let callers = Int(arguments[1]), (1...8_000).contains(callers),
    let crowd = try? Crowd(callers, in: arguments[3], arguments.dropFirst(4).first)
else {
    print("callers COUNT SECONDS|turns=N EMPTY-DIRECTORY [full|relaxed]")
    exit(64)
}
if arguments[2].hasPrefix("turns="), let turns = Int(arguments[2].dropFirst(6)), turns > 0 {
    leave("\(callers)", crowd.run(turns: turns))
} else if let seconds = Double(arguments[2]), seconds > 0 {
    let result = crowd.run(seconds: seconds)
    leave(result.json, result.balances)
}
print("\(arguments[2]) is neither seconds nor turns=N")
exit(64)
