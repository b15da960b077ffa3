//! The reading process alone, for tests and for a look at what BotSmith reads out of a file.

fn main() -> std::io::Result<()> {
    extract::serve()
}
