import Glibc

/// The cluster of `portico-bench scale`, as JSON files in one folder: Services that stay as they are, and one file of their
/// own for those that change.
struct ScaleCluster {
    static let node = "10.244.0.1"
    static let endpointsPerService = 10

    /// What is watched with `-f`.
    let folder: String
    let services: Int
    let servicesPerFile: Int

    /// Files that hold what stays as it is; with one object a file two for each Service.
    var files: Int { servicesPerFile == 0 ? services * 2 : (services + servicesPerFile - 1) / servicesPerFile }

    /// - Parameter servicesPerFile: 0 for a file for every object.
    init(folder: String, services: Int, servicesPerFile: Int) {
        (self.folder, self.services, self.servicesPerFile) = (folder, services, servicesPerFile)
    }

    /// Writes all of it; without the Services that change there are no others either.
    func write() throws {
        remove()
        mkdir(folder, 0o755)
        for file in 0..<files {
            if servicesPerFile == 0 {
                let number = file / 2
                let object = file % 2 == 0 ? service(number) : slice(number)
                try portico_bench.write(object + "\n", to: "\(folder)/object-\(file).json")
            } else {
                let numbers = file * servicesPerFile..<min(services, (file + 1) * servicesPerFile)
                try portico_bench.write(list(numbers), to: "\(folder)/services-\(file).json")
            }
        }
        try portico_bench.write(
            #"{"apiVersion":"v1","kind":"Node","metadata":{"name":"scale"},"#
                + #""status":{"addresses":[{"type":"InternalIP","address":"\#(Self.node)"}]}}"#,
            to: "\(folder)/node.json")
        try change(turn: 0, isAdded: false)
    }

    /// Takes all Services away, the node stays.
    func removeServices() {
        for name in names(in: folder) where name != "node.json" { unlink("\(folder)/\(name)") }
    }

    func remove() {
        for name in names(in: folder) { unlink("\(folder)/\(name)") }
        rmdir(folder)
    }

    /// The Service that comes and goes, which has one port.
    var addedService: String { "service-\(services + 1)" }

    /// Puts another text in the place of the file of those that change, in one step: the Service that stays, with an endpoint
    /// that is another each turn, and maybe a second one.
    ///
    /// - Returns: When the file was renamed, by ``Clock``.
    @discardableResult func change(turn: Int, isAdded: Bool) throws -> Double {
        let numbers = services..<services + (isAdded ? 2 : 1)
        try portico_bench.write(list(numbers, changed: "10.250.0.\(turn % 250 + 1)"), to: "\(folder)/.changing")
        let now = Clock.seconds
        guard rename("\(folder)/.changing", "\(folder)/changing.json") == 0 else {
            throw BenchFailure("\(folder)/changing.json: \(String(cString: strerror(errno)))")
        }
        return now
    }

    private func list(_ numbers: Range<Int>, changed: String? = nil) -> String {
        let items = numbers.flatMap { [service($0), slice($0, first: $0 == services ? changed : nil)] }
        return #"{"apiVersion":"v1","kind":"List","items":["# + "\n" + items.joined(separator: ",\n") + "\n]}\n"
    }

    private func clusterIP(_ number: Int) -> String { "10.96.\(number / 250).\(number % 250 + 1)" }

    private func service(_ number: Int) -> String {
        #"{"apiVersion":"v1","kind":"Service","metadata":{"name":"service-\#(number)","namespace":"scale","#
            + #""labels":{"app":"app-\#(number)"}},"spec":{"type":"ClusterIP","clusterIP":"\#(clusterIP(number))","#
            + #""clusterIPs":["\#(clusterIP(number))"],"selector":{"app":"app-\#(number)"},"#
            + #""ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}]}}"#
    }

    private func slice(_ number: Int, first: String? = nil) -> String {
        let endpoints = (0..<Self.endpointsPerService).map { index in
            let endpoint = number * Self.endpointsPerService + index
            let (third, fourth) = (endpoint / 250 % 250, endpoint % 250 + 1)
            let address = index == 0 ? first : nil
            return
                #"{"addresses":["\#(address ?? "10.\(128 + endpoint / 62_500).\(third).\(fourth)")"],"#
                + #""conditions":{"ready":true,"serving":true,"terminating":false},"nodeName":"node-\#(endpoint % 100)","#
                + #""targetRef":{"kind":"Pod","namespace":"scale","name":"app-\#(number)-\#(index)"}}"#
        }
        return #"{"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSlice","metadata":{"name":"service-\#(number)-1","#
            + #""namespace":"scale","labels":{"kubernetes.io/service-name":"service-\#(number)"}},"#
            + #""addressType":"IPv4","ports":[{"name":"http","port":8080,"protocol":"TCP"}],"#
            + #""endpoints":["# + endpoints.joined(separator: ",") + "]}"
    }
}
