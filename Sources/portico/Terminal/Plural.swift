/// `1 connection`, `2 connections`.
func several(_ count: some BinaryInteger, _ what: String) -> String { count == 1 ? "1 \(what)" : "\(count) \(what)s" }
