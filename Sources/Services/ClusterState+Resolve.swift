extension ClusterState {
    /// Works out what is served on a node: which service ports, at which addresses, by which endpoints.
    public func resolve(_ context: ResolutionContext = ResolutionContext()) -> Resolution {
        Resolution()
    }
}
