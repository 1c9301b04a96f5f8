/// Target T18: what it costs to be watched, beside the same Portico that nobody watches.
extension Target {
    public static let watched: [Target] =
        [
            ("short connections", "watched-short-64"), ("round trips, 64 connections", "watched-rr-64"),
            ("round trips, 1 connection", "watched-rr-1"),
        ].flatMap { title, scenario -> [Target] in
            [
                .atMost("T18", "\(title), a scrape a second: p99, of nobody's", scenario, 1.05) {
                    $0.ratio(.p99, $1, Results.scraped, to: Results.portico)
                },
                .atMost("T18", "\(title): a scrape, ms", scenario, 500) { $0.figure(.scrape, $1, Results.scraped) },
            ]
        }
}

extension Results {
    /// Portico whose metrics are asked for each second, and Portico with an access log.
    public static let scraped = "portico-scraped"
    public static let logged = "portico-logged"
}
