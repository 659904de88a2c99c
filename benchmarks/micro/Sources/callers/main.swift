// For leaving with a status.
internal import Foundation

// `callers COUNT SECONDS DIRECTORY [full|relaxed]` opens an embedded store in an empty directory and has so many callers
// hold tickets in this process, each asking again as soon as it was answered. A tenth of the time before is not measured.
// The result is one line of JSON; the exit status is not 0 when the books do not balance.
let arguments = CommandLine.arguments
guard (4...5).contains(arguments.count), let callers = Int(arguments[1]), (1...8_000).contains(callers),
    let seconds = Double(arguments[2]), seconds > 0,
    let crowd = try? Crowd(callers, in: arguments[3], arguments.dropFirst(4).first)
else {
    print("callers COUNT SECONDS EMPTY-DIRECTORY [full|relaxed]")
    exit(64)
}
let result = crowd.run(seconds: seconds)
print(result.json)
exit(result.balances ? 0 : 1)
