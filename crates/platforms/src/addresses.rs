//! Each platform's addresses, out of the settings.

use crate::Settings;

impl Settings {
    pub(crate) fn twilio(&self) -> channel_sender_twilio::Addresses {
        channel_sender_twilio::Addresses {
            api: self.twilio_api_url.clone(),
            messaging: self.twilio_messaging_url.clone(),
            simulator: self.twilio_simulator_url.clone(),
            media_hosts: self.twilio_media_hosts.clone(),
        }
    }

    pub(crate) fn telegram(&self) -> channel_sender_telegram::Addresses {
        channel_sender_telegram::Addresses {
            api: self.telegram_api_url.clone(),
            simulator: self.telegram_simulator_url.clone(),
        }
    }

    pub(crate) fn whatsapp(&self) -> channel_sender_whatsapp::Addresses {
        channel_sender_whatsapp::Addresses {
            graph: self.graph_url.clone(),
            version: self.graph_version.clone(),
            simulator: self.whatsapp_simulator_url.clone(),
            media_hosts: self.whatsapp_media_hosts.clone(),
        }
    }

    pub(crate) fn messenger(&self) -> channel_sender_messenger::Addresses {
        channel_sender_messenger::Addresses {
            graph: self.graph_url.clone(),
            version: self.graph_version.clone(),
            simulator: self.messenger_simulator_url.clone(),
            media_hosts: self.meta_media_hosts.clone(),
        }
    }

    pub(crate) fn instagram(&self) -> channel_sender_instagram::Addresses {
        channel_sender_instagram::Addresses {
            instagram: self.graph_instagram_url.clone(),
            facebook: self.graph_url.clone(),
            version: self.graph_version.clone(),
            simulator: self.instagram_simulator_url.clone(),
            media_hosts: self.meta_media_hosts.clone(),
        }
    }

    pub(crate) fn slack(&self) -> channel_sender_slack::Addresses {
        channel_sender_slack::Addresses {
            api: self.slack_api_url.clone(),
            simulator: self.slack_simulator_url.clone(),
            media_hosts: self.slack_media_hosts.clone(),
        }
    }

    pub(crate) fn discord(&self) -> channel_sender_discord::Addresses {
        channel_sender_discord::Addresses {
            api: self.discord_api_url.clone(),
            gateway_hosts: self.discord_gateway_hosts.clone(),
            media_hosts: self.discord_media_hosts.clone(),
            simulator: self.discord_simulator_url.clone(),
        }
    }

    pub(crate) fn teams(&self) -> channel_sender_teams::Addresses {
        channel_sender_teams::Addresses {
            login: self.teams_login_url.clone(),
            metadata: self.teams_metadata_url.clone(),
            issuer: self.teams_issuer.clone(),
            service_hosts: self.teams_service_hosts.clone(),
            government_service: self.teams_government_service_url.clone(),
            file_hosts: self.teams_file_hosts.clone(),
            simulator: self.teams_simulator_url.clone(),
        }
    }
}
