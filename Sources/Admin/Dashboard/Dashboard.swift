/// The page for people: one file with all that it needs, so that it loads nothing from elsewhere.
enum Dashboard {
    static var page: AdminAnswer {
        var answer = AdminAnswer(bytes: PackageResources.dashboard_html, contentType: "text/html; charset=utf-8")
        // Names of Services and pods are shown, and whoever may choose those is not to run anything here.
        answer.contentPolicy =
            "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src data:; "
            + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        return answer
    }
}
