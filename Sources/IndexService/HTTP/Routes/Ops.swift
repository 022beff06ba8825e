internal import Cache
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore

// GET /readyz, /metrics; /healthz and /version need no code of their own.

extension IndexResponder {
    func readinessReport() -> Response {
        let now = MonotonicInstant.now()
        let report = readiness.report(at: now)
        var response = Response(status: report.isReady ? .ok : .serviceUnavailable) { json in
            report.write(to: &json)
            upstreams.write(to: &json, at: now)
        }
        if !report.isReady { response.headers[.retryAfter] = String(Readiness.retryAfter) }
        return response
    }

    func exposition() -> Response {
        Response(
            status: .ok,
            headers: [
                .contentType: PrometheusRegistry.contentType,
                .cacheControl: "no-store",
            ],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: metrics.exposition()))
        )
    }
}
