//! The program: hands over to `cli`, which parses the arguments and chooses what runs.

fn main() -> std::process::ExitCode {
    pillarbox::cli::main()
}
