// What the page says in English. A new text goes here first; the other languages must have it too.

export const en = {
  loading: "Loading",
  never: "never",
  "none.found": "Nothing fits",

  "do.cancel": "Cancel", "do.clear": "Clear", "do.close": "Close", "do.copied": "Copied", "do.copy": "Copy", "do.delete": "Delete", "do.more": "Show more", "do.moreActions": "More actions",
  "do.next": "Next", "do.open": "Open", "do.remove": "Remove", "do.retry": "Try again", "do.save": "Save", "do.search": "Search", "do.skip": "Skip",
  "confirm.type": "Type “{name}” to confirm",
  "field.visible": "Show what is typed",
  "wrong.title": "That did not work", "wrong.offline": "The server did not answer", "wrong.request": "Request",
  "saved.done": "Saved.", "saved.live": "Saved: it answers like this from now on.", "saved.checking": "Being checked",
  "saved.checkingWhat": "The golden questions are asked first. If the chatbot would do worse, this does not go live. See",

  "looks.language": "Language", "looks.scheme": "Light or dark", "looks.auto": "As the system", "looks.light": "Light", "looks.dark": "Dark",
  "lost.title": "Nothing here", "lost.nothing": "There is no such page, or you may not see it.", "lost.home": "Go to the start",
  "nav.all": "All chatbots", "nav.api": "API reference", "nav.chatbots": "Chatbots", "nav.inbox": "Inbox", "nav.label": "Main", "nav.menu": "Menu", "nav.signOut": "Sign out", "nav.skip": "Skip to the content", "nav.workspace": "Workspace",

  "signIn.title": "Sign in", "signIn.email": "E-mail address", "signIn.password": "Password", "signIn.refused": "The address or the password is not right.",
  "setup.title": "Set up BotSmith", "setup.link": "Nobody has an account here yet. When BotSmith started it printed a one-time link, “Set up”: open it to become the administrator.",
  "setup.again": "The link is gone? This prints a new one:", "setup.done": "I have done that",

  "bots.title": "Chatbots", "bots.create": "Create a chatbot", "bots.first": "Create your first bot", "bots.none": "No chatbots yet", "bots.noneHint": "A chatbot answers from what you give it to know. It takes about two minutes: a name, a text or a web page, and a first question.",
  "bots.noneArchived": "Nothing is archived", "bots.which": "Which chatbots", "bots.inUse": "In use", "bots.archived": "Archived", "bots.passages": "Passages: {count}", "bots.noChannels": "No channel yet", "bots.changed": "Changed {ago}",

  "first.title": "Create a chatbot", "first.note": "Every step but the name can be skipped, and done later.", "first.name": "Name", "first.nameLabel": "What is it called?", "first.nameHint": "Visitors see it, for example “Fern & Kettle help”.",
  "first.knowledge": "Knowledge", "first.try": "Try it", "first.tryIt": "Try it", "first.done": "{name} is ready. Connect it to where people write, or go on teaching it.", "first.connect": "Connect a channel", "first.overview": "Go to the chatbot",

  "bot.sections": "Sections", "bot.export": "Export as a file", "bot.archive": "Archive", "bot.archiveTitle": "Archive this chatbot?", "bot.archiveWhat": "It stops answering on every channel. Its knowledge and its conversations stay, and it can be brought back.", "bot.archived": "This chatbot is archived and answers nobody", "bot.restore": "Bring it back",
  "tab.overview": "Overview", "tab.overview.note": "How it is doing, and what it could not answer.", "tab.knowledge": "Knowledge", "tab.knowledge.note": "What it knows, and what it would find.", "tab.try": "Try it", "tab.try.note": "Ask as a visitor would, and see why it answers so.",
  "tab.behaviour": "Behaviour", "tab.behaviour.note": "What it is told, which model it asks, when it hands over.", "tab.quality": "Quality", "tab.quality.note": "How well it answers, now and over time.", "tab.integrations": "Integrations", "tab.integrations.note": "Where people can write to it.",

  "overview.knowledge": "Knowledge", "overview.sources": "sources", "overview.passages": "passages", "overview.channels": "Channels", "overview.noChannels": "Nobody can write to it yet: connect a channel under Integrations.",
  "unanswered.title": "What it could not answer", "unanswered.note": "Questions that mean the same stand together.", "unanswered.none": "Nothing open", "unanswered.noneHint": "When the chatbot does not know an answer, the question appears here, to be answered once and for all.",
  "unanswered.count": "asked {count} times, last {ago}", "unanswered.answer": "Answer", "unanswered.dismiss": "Dismiss", "unanswered.answerTitle": "Answer for the future", "unanswered.what": "The answer becomes part of the knowledge, and settles all questions of this group.", "unanswered.save": "Add to the knowledge",
  "col.state": "State", "col.content": "Content", "col.changed": "Changed", "col.channel": "Channel", "col.inOut": "In / out", "col.errors": "Errors", "col.used": "Last used", "col.when": "When", "col.by": "By", "col.actions": "Actions",

  "knowledge.add": "Add knowledge", "knowledge.sources": "Sources", "knowledge.none": "It knows nothing yet", "knowledge.noneHint": "Add a text, a question with its answer, a file or a web page above.",
  "source.how": "Kind of knowledge", "source.text": "Text", "source.qa": "Question and answer", "source.file": "File", "source.url": "Web page", "source.title": "Title", "source.titleHint": "Visitors see it below an answer.", "source.untitled": "Notes", "source.textExample": "We are open Monday to Friday from 9:00 to 17:00 …",
  "source.question": "Question", "source.answer": "Answer", "source.answerHint": "Whoever asks this is given it, word for word.", "source.add": "Add", "source.drop": "Drop files here", "source.kinds": "PDF, Word, PowerPoint, Excel, HTML, Markdown, text, CSV, or a ZIP of these", "source.choose": "Choose files",
  "source.address": "Address", "source.site": "Read the whole site, following its links", "source.pages": "Pages at most", "source.refresh": "Read again", "source.never": "Never", "source.daily": "Every day", "source.weekly": "Every week",
  "source.reading": "Being read …", "source.pagesRead": "{read} of {pages} pages", "source.passages": "Passages: {passages} · documents: {documents}", "source.meaning": "{count} of them also by meaning", "source.open": "Look inside", "source.again": "Read again", "source.nothingRead": "Nothing was read from it.",
  "source.deleteTitle": "Delete this source?", "source.deleteWhat": "“{title}” and its {passages} passages are forgotten at once, and no answer rests on them any more.",
  "kind.text": "Text", "kind.qa": "Questions and answers", "kind.file": "File", "kind.site": "Web pages",

  "search.title": "Test the search", "search.note": "What a question finds, and how every score comes about. Nothing is answered.", "search.answered": "Would be answered", "search.notAnswered": "Would not be answered", "search.sure": "{confidence} sure; {threshold} is needed",
  "search.confidence": "How sure it is", "search.nothing": "Nothing was found", "search.nothingHint": "Add what the answer should rest on to the knowledge.", "search.leftOut": "{count} more say the same as a better one, and were left out.",
  "score.score": "Words and meaning together", "score.coverage": "Words of the question that stand in it", "score.quote": "Words that stand in the quoted sentence", "score.meaning": "How near the meanings are", "score.words": "By words alone (BM25): {score}",
  "searched.words": "Found by words", "searched.words_and_meaning": "Found by words and by meaning",

  "try.closed": "To try it here, its web chat has to be open for this page.", "try.what": "This turns the web chat on and allows {origin} to use it. No other page can use it.", "try.open": "Open the web chat", "try.chat": "Test chat", "try.empty": "Ask what your visitors ask.", "try.question": "Your question", "try.ask": "Ask",
  "try.writing": "It is writing …", "try.why": "Why?", "try.again": "Begin anew", "try.recordHint": "Ask something: what the answer rests on appears here.", "try.noRecord": "No answer was made for this message.",
  "said.for_human": "(A human has this conversation now.)", "said.waiting": "(No answer yet.)", "said.dead": "(It could not be answered.)",
  "record.title": "How the answer came about", "record.answered": "Answered from the knowledge", "record.model": "Model", "record.quoted": "none: quoted from the knowledge", "record.tokens": "Tokens", "record.cost": "Cost", "record.path": "Asked in turn", "record.passages": "Passages that were found: {count}", "record.noPassages": "None.",
  "stage.retrieve": "Searching", "stage.model": "Writing", "fallback.no_knowledge": "Not in the knowledge", "fallback.model_unavailable": "The model was not available", "fallback.budget_used_up": "The budget is used up",

  "behaviour.words": "Name and words", "behaviour.name": "Name", "behaviour.instructions": "Instructions", "behaviour.instructionsHint": "What the model is told beside the knowledge: tone, language, what to leave alone.", "behaviour.fallback": "When it does not know", "behaviour.fallbackHint": "Said when the knowledge has no answer.",
  "behaviour.age": "Answers older than this are not sent, in minutes", "behaviour.ageHint": "After an outage nobody hears late answers.", "behaviour.model": "Model", "behaviour.modelNote": "Without a model of its own it uses the installation's; where there is none, it quotes the best passage.",
  "behaviour.search": "Searching", "behaviour.handoff": "Handing over to a human", "behaviour.budgets": "Budgets", "behaviour.budgetsNote": "How much may be spent on models.",
  "model.none": "The installation's model", "model.own": "A model of its own", "model.first": "Model", "model.other": "Asked when the one before fails ({number})", "model.add": "Add a fallback", "model.provider": "Provider", "model.model": "Model's name", "model.url": "Address of its API", "model.urlHint": "Empty: where the provider's usually is.",
  "model.key": "API key", "model.keyHint": "Stored sealed, and never shown again.", "model.keyKept": "{shown} is stored; leave this empty to keep it.", "model.keyRemove": "Take the stored key away", "model.seconds": "Seconds a call may take", "model.context": "Tokens it takes",
  "provider.openai": "OpenAI", "provider.anthropic": "Anthropic", "provider.gemini": "Google Gemini", "provider.ollama": "Ollama", "provider.openai_compatible": "OpenAI-compatible",
  "search.usual": "{what}: as usual", "search.threshold": "How sure it must be", "search.thresholdHint": "Below this it says that it does not know. Usually 0.4.", "search.weight": "Meaning against words", "search.weightHint": "0 only words, 1 only meaning. Usually 0.5 in English.", "search.count": "Passages an answer may rest on", "search.countHint": "Empty: as usual, 6.",
  "handoff.request": "When somebody asks for a human", "handoff.phrases": "Other ways to ask", "handoff.phrasesHint": "Press Enter after each.", "handoff.keywords": "Words on which it hands over", "handoff.keywordsHint": "For example “refund”. Press Enter after each.", "handoff.unanswered": "After so many unanswered questions in a row", "handoff.emptyNever": "Empty: never.", "handoff.back": "Answers again after so many silent minutes", "handoff.text": "What it says then", "handoff.textHint": "Empty: a usual sentence in the visitor's language.",
  "budget.none": "No limit is set.", "budget.scope": "Whose", "budget.period": "Per", "budget.usd": "US dollars", "budget.tokens": "Tokens", "budget.limit": "When it is used up", "budget.spent": "Spent {usd} and {tokens} tokens; whole again {until}", "budget.add": "Add a budget",
  "scope.chatbot": "The whole chatbot's", "scope.visitor": "Each visitor's", "period.day": "Day (UTC)", "period.month": "Month (UTC)", "limit.quote": "Quote the best passage", "limit.fallback_text": "Say that it does not know",

  "golden.title": "Golden questions", "golden.note": "They are asked before every change, so that none makes the chatbot worse.", "golden.add": "Add a question", "golden.none": "No golden questions yet", "golden.noneHint": "Add what must always be answered well, and what must not be answered at all.", "golden.expected": "Expected", "golden.refused": "It must say that it does not know", "golden.refusedShort": "does not know",
  "golden.source": "Source", "golden.sourceHint": "The title of the source in which the answer must be found. Can be left empty.", "golden.words": "Words in the answer", "golden.wordsHint": "The answer must contain them. Press Enter after each.", "golden.deleteTitle": "Delete this golden question?", "golden.deleteWhat": "“{question}” is not asked any more before a change.",
  "runs.title": "Runs", "runs.note": "Each run asks all golden questions.", "runs.start": "Run now", "runs.none": "No runs yet", "runs.noneHint": "Add golden questions, then run them.", "runs.passed": "Passed", "runs.hit": "Found (hit@k)", "runs.chart": "In per cent, from the oldest to the newest run; the numbers are in the table.", "runs.results": "Results", "runs.noResults": "No results.",
  "run.demand": "wanted by hand", "run.publish": "before a change", "run.baseline": "for comparison", "run.again": "one message again", "result.done": "passed", "result.failed": "failed", "result.due": "to come",
  "versions.title": "Versions", "versions.note": "Every change of behaviour is a version, and can be brought back.", "versions.number": "Version", "versions.one": "Version {number}", "versions.live": "Live now", "versions.program": "a program", "versions.compare": "Compare", "versions.compareTitle": "Version {number} beside what is live", "versions.same": "They say the same.",
  "versions.back": "Bring back", "versions.backTitle": "Bring version {number} back?", "versions.backWhat": "It is published as a new version; if there are golden questions, they are asked first. Nothing is lost.",

  "integrations.title": "Where people can write to it", "integrations.note": "The same knowledge on every channel.", "integration.not": "Not set up", "integration.setUp": "Set up", "integration.manage": "Manage", "integration.enabled": "Switched on", "integration.test": "Test the connection", "integration.connect": "Connect the webhook",
  "integration.works": "It works", "integration.worksNot": "It does not work", "integration.registered": "The platform now calls this installation", "integration.byHand": "Left for you to do", "integration.webhook": "Webhook address", "integration.steps": "Instructions", "integration.fields": "Settings", "integration.log": "Log", "integration.refused": "Refused webhooks",
  "integration.name": "Name", "integration.nameHint": "For yourself; can be left empty.", "integration.kept": "{shown} is stored; leave this empty to keep it.", "integration.mode": "How messages come", "integration.byWebhook": "By webhook", "integration.byConnection": "Over a connection", "integration.streaming": "Show answers while they are written", "integration.madeUp": "Made up for you, shown this once",
  "integration.deleteTitle": "Delete {platform}?", "integration.deleteWhat": "The chatbot hears and says nothing there any more, and the stored keys are destroyed. Conversations stay.",
  "log.all": "All", "log.level": "Which entries", "log.none": "Nothing yet", "log.noneHint": "What happens with this integration, tests and refused webhooks included, is written here.",
  "refused.none": "No webhook was refused", "refused.noneHint": "One that cannot be verified is kept for 72 hours, with what was wrong, so that nothing is lost while you mend the settings.", "refused.bytes": "{size} bytes", "refused.check": "Check again", "refused.replay": "Take it in", "refused.discard": "Discard", "refused.discardTitle": "Discard this webhook?", "refused.discardWhat": "The message in it is lost.",

  "inbox.note": "Conversations of all chatbots; new messages appear by themselves.", "inbox.contact": "Person", "inbox.chatbot": "Chatbot", "inbox.handler": "In whose hands", "inbox.any": "All", "inbox.list": "Conversations", "inbox.none": "No conversations yet", "inbox.noneHint": "As soon as somebody writes to one of your chatbots, it appears here.", "inbox.choose": "Choose a conversation", "inbox.chooseHint": "Read it, take it over, and answer yourself.",
  "inbox.visitor": "Visitor {id}", "inbox.takeOver": "Take over", "inbox.handBack": "Hand back to the bot", "inbox.backAt": "the bot answers again {time}", "inbox.messages": "Messages", "inbox.noText": "(no text)", "inbox.reply": "Your reply", "inbox.replyHint": "With your reply you take the conversation over.", "inbox.send": "Send",

  "handler.bot": "Bot", "handler.human": "Human", "sender.bot": "Bot", "sender.agent": "You or a colleague", "sender.api": "A program", "handoffReason.requested": "A human was asked for", "handoffReason.keyword": "A word of yours", "handoffReason.unanswered": "Several questions stayed unanswered", "handoffReason.agent": "Taken over",
  "state.pending": "Pending", "state.indexing": "Being read", "state.ready": "Ready", "state.failed": "Failed", "state.connected": "Connected", "state.error": "Error", "state.off": "Off", "state.live": "Live", "state.checking": "Being checked", "state.retired": "Retired", "state.refused": "Refused", "state.superseded": "Superseded",
  "state.due": "To come", "state.running": "Running", "state.done": "Done", "state.cancelled": "Cancelled", "state.info": "Info", "state.warning": "Warning", "state.kept": "Kept", "state.replayed": "Taken in", "state.discarded": "Discarded", "state.waiting": "Waiting", "state.answering": "Being answered", "state.answered": "Answered", "state.for_human": "For a human", "state.suppressed": "Not answered", "state.expired": "Too old", "state.dead": "Failed",
} as const;
