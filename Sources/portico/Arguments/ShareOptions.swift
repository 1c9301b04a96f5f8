import ArgumentParser

/// Whom on this machine the user's credentials are used for.
struct ShareOptions: ParsableArguments {
    @Flag(
        help: ArgumentHelp(
            "Let other users of this machine use what carries your credentials.",
            discussion: """
                Loopback addresses are everybody's on a machine. Where your kubeconfig leads to pods, and at the proxy of \
                --socks, only programs of your own user are served, and all others are reset. With this, whoever can reach \
                these addresses acts with your rights.
                """))
    var share = false
}
