internal import RedisWire

extension FunctionLibrary {
    /// Loads the functions on every master, as scripts if a server does not have functions.
    func load(to client: RedisClient) async throws(RedisStoreError) -> Calling {
        let answers = await client.callEachMaster(RedisCommand("FUNCTION", "LOAD", text))
        if answers.allSatisfy({ Self.isLoaded($0.outcome) }) { return .functions }
        for answer in answers {
            guard case .failure(let failure) = answer.outcome, !Self.isLoaded(answer.outcome) else {
                continue
            }
            guard case .refused(let error) = failure else { throw .unreachable(failure) }
            // A server before 7.0 does not have the command.
            guard error.message.lowercased().contains("unknown command") else {
                throw .unfit("\(answer.node) does not take the functions: \(error)")
            }
        }
        var digests: [Function: String] = [:]
        for function in Function.allCases {
            for answer in await client.callEachMaster(RedisCommand("SCRIPT", "LOAD", script(function))) {
                switch answer.outcome {
                case .success(let reply): digests[function] = try? reply.text()
                case .failure(let failure): throw .unreachable(failure)
                }
            }
        }
        return .scripts(digests)
    }
}
