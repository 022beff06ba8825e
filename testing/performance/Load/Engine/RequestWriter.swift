/// Puts requests together: whom to ask about, by the plan's mix and distribution.
struct RequestWriter {
    private let plan: LoadPlan
    private let routes: [(route: Route, end: Double)]
    private let heads: [[UInt8]]
    private let tail: [UInt8]
    private let freshTail: [UInt8]
    private var names: KeyChooser?
    private var cids: KeyChooser?
    private var random: Randomness
    private var unknown: UInt64

    init(plan: LoadPlan, worker: Int) {
        self.plan = plan
        routes = plan.path == nil ? plan.mix.thresholds : [(.path, 1)]
        let version = " HTTP/1.1\r\nHost: \(plan.host):\(plan.port)\r\n\r\n"
        tail = Array(version.utf8)
        freshTail = Array(("?fresh=true" + version).utf8)
        heads = Route.allCases.map { route in
            switch route {
            case .resolve: Array("GET /resolve/".utf8)
            case .providers: Array("GET /providers/".utf8)
            case .manifests: Array("GET /manifests/".utf8)
            case .unknown: Array("GET /resolve/unknown-\(plan.seed)-\(worker)-".utf8)
            case .path: Array("GET \(plan.path ?? "/")".utf8)
            }
        }
        func chooser(_ keys: KeyList?) -> KeyChooser? {
            keys.map {
                KeyChooser(
                    plan.distribution,
                    keys: $0.count,
                    seed: plan.seed,
                    part: worker,
                    parts: plan.threads
                )
            }
        }
        (names, cids) = (chooser(plan.keys), chooser(plan.cids))
        random = Randomness(seed: plan.seed &* 1_000_003 &+ UInt64(worker))
        unknown = 0
    }

    /// Appends one request; nil when there is nothing more to ask.
    mutating func append(to buffer: inout [UInt8]) -> Route? {
        let route = chooseRoute()
        switch route {
        case .path:
            buffer += heads[route.rawValue]
            buffer += tail
        case .unknown:
            buffer += heads[route.rawValue]
            unknown += 1
            appendDecimal(unknown, to: &buffer)
            buffer += tail
        case .resolve:
            guard let keys = plan.keys, let index = names?.next(using: &random) else { return nil }
            buffer += heads[route.rawValue]
            buffer += keys.bytes[keys.range(index)]
            buffer += plan.fresh > 0 && random.share() < plan.fresh ? freshTail : tail
        case .providers, .manifests:
            guard let keys = plan.cids, let index = cids?.next(using: &random) else { return nil }
            buffer += heads[route.rawValue]
            buffer += keys.bytes[keys.range(index)]
            buffer += tail
        }
        return route
    }

    private mutating func chooseRoute() -> Route {
        guard routes.count > 1 else { return routes[0].route }
        let share = random.share()
        return routes.first { share < $0.end }?.route ?? routes[routes.count - 1].route
    }

    private func appendDecimal(_ number: UInt64, to buffer: inout [UInt8]) {
        var (rest, divisor) = (number, UInt64(1))
        while rest / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            buffer.append(UInt8(ascii: "0") + UInt8(rest / divisor))
            rest %= divisor
            divisor /= 10
        }
    }
}
