import ArgumentParser

/// Which project file counts, and what became of it.
struct ProjectOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A project file, whatever else says what to serve.",
            discussion: """
                Without it portico.yaml of this folder or of one above it, up to the top of the repository or the home folder, \
                if nothing on the command line says what to serve. Flags win over it. See docs/project-file.md.
                """,
            valueName: "file"),
        completion: .file(extensions: ["yaml", "yml"]))
    var project: String?

    @Flag(help: "Use no project file.")
    var noProject = false

    /// The file that is part of this command line.
    @Option(help: .hidden)
    var projectInUse: String?

    /// Where the program behind `--` is to be.
    @Option(help: .hidden)
    var commandFolder: String?
}
