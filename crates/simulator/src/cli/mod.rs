//! `botsmith simulate`: try a chatbot without an account at a platform.

mod journey;
mod server;
mod twilio;

use std::path::Path;

/// Plays a platform.
#[derive(Debug, clap::Args)]
pub struct Simulate {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Sends a text message to a chatbot as Twilio would, and shows the reply and its journey
    Twilio(twilio::Arguments),
    /// Runs a simulated Twilio API and a simulated language model until it is stopped
    Server(server::Arguments),
}

impl Simulate {
    /// Does it, writing to standard output what a person wants to see. In the data directory of `botsmith all` lies how to
    /// speak to the demo bot.
    pub async fn run(self, data_dir: &Path) -> anyhow::Result<()> {
        match self.what {
            What::Twilio(arguments) => twilio::run(arguments, data_dir).await,
            What::Server(arguments) => server::run(arguments, data_dir).await,
        }
    }
}
