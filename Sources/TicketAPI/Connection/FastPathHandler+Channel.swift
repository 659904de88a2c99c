internal import NIOCore
internal import NIOHTTP1

// What the channel tells the fast path besides requests, and what the router's side asks of the channel.
extension FastPathHandler {
    /// Ends the connection with whatever is owed on it.
    func closeAtOnce() {
        context?.close(mode: .all, promise: nil)
    }

    /// Bytes that the client has not taken and the kernel neither.
    func pendingBytes(_ context: ChannelHandlerContext) -> Int {
        guard patience.mayBeSending else { return 0 }
        return (try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
    }

    /// The router's side wants bytes; it gets whole requests when there are any.
    func read(context: ChannelHandlerContext) {}

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .byteBuffer(let bytes) = unwrapOutboundIn(data) { sends(bytes.readableBytes) }
        context.write(data, promise: promise)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        isWritable = context.channel.isWritable
        if isWritable { send() }
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent {
            isEnding = true
            // With nothing owed there is nothing that a reset could take away.
            if case .nothing = reading, queue.isEmpty, backlog.isEmpty, !isRouting, !hasUnsent,
                pendingBytes(context) == 0
            {
                context.close(mode: .all, promise: nil)
            } else {
                send()
            }
        } else if case ChannelEvent.inputClosed = event {
            // The router is not told: it would give up what it has to answer. A request that is cut off is nobody's.
            inputIsClosed = true
            reading = .refused
            // A client that closed and one that only says nothing more look alike; for the latter a recount is too dear.
            if isRouting, case .routed(let request)? = routed?.call, case .recount = request.kind {
                context.fireUserInboundEventTriggered(event)
            }
            if patience.isLingering { context.close(mode: .all, promise: nil) } else { send() }
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    /// Whether a refusal has somebody to go to: behind the last request nobody waits for an answer, but a stop may come
    /// in the middle of a request.
    var mayRefuse: Bool {
        switch reading {
        case .request: true
        case .nothing, .refused: !isEnding
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error as? HTTPParserError {
        case .headerOverflow: arrive(.refusal(Refused(.headersTooLarge)))
        case .invalidEOFState: break  // The end itself is told as an event.
        case .some: arrive(.refusal(Refused(.malformedRequest)))
        // Behind a request that ends the connection the decoder takes nothing; its answer may still be owed.
        case nil: if mayRefuse { context.close(mode: .all, promise: nil) }
        }
    }
}
