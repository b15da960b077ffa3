//! `botsmith simulate`: try a chatbot without an account at a platform.

mod chat;
mod journey;
mod platform;
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
    /// Writes to a chatbot as a person on WhatsApp would, and shows the reply; the same for the other platforms
    Whatsapp(platform::Arguments),
    /// The same on Telegram
    Telegram(platform::Arguments),
    /// The same on Slack
    Slack(platform::Arguments),
    /// The same on Discord
    Discord(platform::Arguments),
    /// The same on Microsoft Teams
    Teams(platform::Arguments),
    /// The same on Facebook Messenger
    Messenger(platform::Arguments),
    /// The same on Instagram
    Instagram(platform::Arguments),
    /// Asks a chatbot as a program would, over the chat API with an API key, and shows the answer and its journey
    Rest(chat::Arguments),
    /// Asks a chatbot as a visitor of a website would, through the widget's addresses, and shows the answer and its journey
    Web(chat::Arguments),
    /// Runs a simulated Twilio API and a simulated language model until it is stopped
    Server(server::Arguments),
}

impl Simulate {
    /// Does it, writing to standard output what a person wants to see. In the data directory of `botsmith all` lies how to
    /// speak to the demo bot.
    pub async fn run(self, data_dir: &Path) -> anyhow::Result<()> {
        match self.what {
            What::Twilio(arguments) => twilio::run(arguments, data_dir).await,
            What::Whatsapp(arguments) => platform::run("whatsapp", arguments, data_dir).await,
            What::Telegram(arguments) => platform::run("telegram", arguments, data_dir).await,
            What::Slack(arguments) => platform::run("slack", arguments, data_dir).await,
            What::Discord(arguments) => platform::run("discord", arguments, data_dir).await,
            What::Teams(arguments) => platform::run("teams", arguments, data_dir).await,
            What::Messenger(arguments) => platform::run("messenger", arguments, data_dir).await,
            What::Instagram(arguments) => platform::run("instagram", arguments, data_dir).await,
            What::Rest(arguments) => chat::run(chat::Asker::Program, arguments, data_dir).await,
            What::Web(arguments) => chat::run(chat::Asker::Visitor, arguments, data_dir).await,
            What::Server(arguments) => server::run(arguments, data_dir).await,
        }
    }
}
