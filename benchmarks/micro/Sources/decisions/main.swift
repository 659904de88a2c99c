internal import Rehearsal

// `decisions SCENE TURNS` makes the scene, plays so many turns of it and says how many decisions a turn has. To
// count, compare two runs with different numbers of turns: what the making cost is in both, and their difference is of
// the turns alone.
let arguments = CommandLine.arguments
guard arguments.count == 3, let scene = Rehearsal.Scene(rawValue: arguments[1]), let turns = Int(arguments[2]),
    turns >= 0
else {
    print("decisions SCENE TURNS, with a scene of", Rehearsal.Scene.allCases.map(\.rawValue).joined(separator: " "))
    preconditionFailure("wrong use")
}
var rehearsal = Rehearsal(scene)
rehearsal.play(turns)
print(scene.decisions)
