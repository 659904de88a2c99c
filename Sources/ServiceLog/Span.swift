internal import StrictJSON
internal import Synchronization

/// A request as a part of a trace (R59 Traces), in the words of OpenTelemetry.
public struct Span: Sendable, Equatable {
    /// 32 and 16 hexadecimal digits.
    public var trace: String
    public var id: String
    /// The caller's span; `nil` at the beginning of a trace.
    public var parent: String?
    public var method: String
    public var route: String?
    public var status: Int
    /// In nanoseconds since 1970.
    public var start: UInt64
    /// In nanoseconds since 1970.
    public var end: UInt64

    public init(
        trace: String, id: String, parent: String?, method: String, route: String?, status: Int, start: UInt64,
        end: UInt64
    ) {
        self.trace = trace
        self.id = id
        self.parent = parent
        self.method = method
        self.route = route
        self.status = status
        self.start = start
        self.end = end
    }
}

/// Spans that wait for the next message to the collector. A full queue drops new spans and counts them: tracing never
/// delays the sale.
public final class SpanQueue: Sendable {
    private struct State {
        var spans: [Span] = []
        var dropped = 0
    }

    private let most: Int
    private let state = Mutex(State())

    /// - Parameter most: the spans that may wait.
    public init(most: Int) {
        self.most = most
    }

    /// Adds a span, or drops and counts it if the queue is full. Never waits.
    public func add(_ span: Span) {
        state.withLock { state in
            if state.spans.count < most { state.spans.append(span) } else { state.dropped += 1 }
        }
    }

    /// The oldest spans, at most `count`, and how many were dropped since the last time.
    public func take(_ count: Int) -> (spans: [Span], dropped: Int) {
        state.withLock { state in
            defer {
                state.spans.removeFirst(min(count, state.spans.count))
                state.dropped = 0
            }
            return (Array(state.spans.prefix(count)), state.dropped)
        }
    }
}

/// Spans in the JSON of OTLP (`opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest`).
public enum SpanDocument {
    /// `SPAN_KIND_SERVER`
    private static let server = 2
    /// `STATUS_CODE_ERROR`
    private static let error = 2

    /// The body of one message to the collector.
    ///
    /// - Parameters:
    ///   - version: the release of the program.
    ///   - instance: tells this process from others of the service.
    public static func write(_ spans: [Span], version: String, instance: String) -> [UInt8] {
        var writer = JSONWriter(reserving: 512 + spans.count * 512)
        writer.object { document in
            document.member("resourceSpans") { list in
                list.array { list in
                    list.object { resource in
                        resource.member("resource") { value in
                            value.object { value in
                                value.member("attributes") { list in
                                    list.array { list in
                                        attribute("service.name", "holdfast", in: &list)
                                        attribute("service.version", version, in: &list)
                                        attribute("service.instance.id", instance, in: &list)
                                    }
                                }
                            }
                        }
                        resource.member("scopeSpans") { list in
                            list.array { list in
                                list.object { scope in
                                    scope.member("scope") { $0.object { $0.member("name", "holdfast") } }
                                    scope.member("spans") { list in
                                        list.array { list in for span in spans { write(span, in: &list) } }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
        return writer.bytes
    }

    private static func write(_ span: Span, in list: inout JSONWriter) {
        list.object { item in
            item.member("traceId", span.trace)
            item.member("spanId", span.id)
            if let parent = span.parent { item.member("parentSpanId", parent) }
            item.member("name", span.route.map { "\(span.method) \($0)" } ?? span.method)
            item.member("kind", server)
            // 64-bit numbers are texts in the JSON of Protocol Buffers.
            item.member("startTimeUnixNano", "\(span.start)")
            item.member("endTimeUnixNano", "\(span.end)")
            item.member("attributes") { list in
                list.array { list in
                    attribute("http.request.method", span.method, in: &list)
                    if let route = span.route { attribute("http.route", route, in: &list) }
                    list.object { item in
                        item.member("key", "http.response.status_code")
                        item.member("value") { $0.object { $0.member("intValue", "\(span.status)") } }
                    }
                }
            }
            if span.status >= 500 { item.member("status") { $0.object { $0.member("code", error) } } }
        }
    }

    private static func attribute(_ key: String, _ value: String, in list: inout JSONWriter) {
        list.object { item in
            item.member("key", key)
            item.member("value") { $0.object { $0.member("stringValue", value) } }
        }
    }
}
