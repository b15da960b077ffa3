// What the widget says, by language. A text that a language lacks is shown in English.

const TEXTS = {
  en: {
    open: "Open chat", close: "Close chat", title: "Chat with us", placeholder: "Write a message…", send: "Send",
    attach: "Attach a file", typing: "Writing an answer…", sending: "Sending…", failed: "Not sent.", retry: "Try again",
    offline: "You are offline. Your message will be sent when you are back.", reconnecting: "Connecting again…",
    unavailable: "The chat cannot be reached now. Please try again later.", refused: "This chat is not open on this page.",
    slow: "Please wait a moment before you write again.", tooLong: "That is too long: {limit} characters at most.",
    tooLarge: "That file is too large: {limit} MB at most.", sources: "Sources", you: "You", bot: "Answer",
    start: "Start chat", name: "Name", email: "E-mail", phone: "Phone", required: "Please fill this in.",
    consent: "I agree that my details are kept.", again: "Start over", today: "Today", newMessage: "New message: {text}",
  },
  de: {
    open: "Chat öffnen", close: "Chat schließen", title: "Schreiben Sie uns", placeholder: "Nachricht schreiben…",
    send: "Senden", attach: "Datei anhängen", typing: "Antwort wird geschrieben…", sending: "Wird gesendet…",
    failed: "Nicht gesendet.", retry: "Noch einmal versuchen",
    offline: "Sie sind offline. Ihre Nachricht wird gesendet, sobald Sie wieder verbunden sind.",
    reconnecting: "Verbindung wird wiederhergestellt…",
    unavailable: "Der Chat ist gerade nicht erreichbar. Bitte versuchen Sie es später noch einmal.",
    refused: "Dieser Chat ist für diese Seite nicht freigegeben.",
    slow: "Bitte warten Sie einen Moment, bevor Sie weiterschreiben.",
    tooLong: "Das ist zu lang: höchstens {limit} Zeichen.", tooLarge: "Die Datei ist zu groß: höchstens {limit} MB.",
    sources: "Quellen", you: "Sie", bot: "Antwort", start: "Chat beginnen", name: "Name", email: "E-Mail",
    phone: "Telefon", required: "Bitte ausfüllen.", consent: "Ich bin einverstanden, dass meine Angaben gespeichert werden.",
    again: "Neu beginnen", today: "Heute", newMessage: "Neue Nachricht: {text}",
  },
  fr: {
    open: "Ouvrir le chat", close: "Fermer le chat", title: "Écrivez-nous", placeholder: "Écrire un message…",
    send: "Envoyer", attach: "Joindre un fichier", typing: "Réponse en cours…", sending: "Envoi…",
    failed: "Non envoyé.", retry: "Réessayer", offline: "Vous êtes hors ligne. Votre message partira à la reconnexion.",
    reconnecting: "Reconnexion…", unavailable: "Le chat est indisponible pour le moment. Réessayez plus tard.",
    refused: "Ce chat n’est pas ouvert sur cette page.", slow: "Patientez un instant avant d’écrire de nouveau.",
    tooLong: "C’est trop long : {limit} caractères au plus.", tooLarge: "Fichier trop volumineux : {limit} Mo au plus.",
    sources: "Sources", you: "Vous", bot: "Réponse", start: "Commencer", name: "Nom", email: "E-mail",
    phone: "Téléphone", required: "À remplir.", consent: "J’accepte que mes coordonnées soient conservées.",
    again: "Recommencer", today: "Aujourd’hui", newMessage: "Nouveau message : {text}",
  },
  es: {
    open: "Abrir el chat", close: "Cerrar el chat", title: "Escríbanos", placeholder: "Escriba un mensaje…",
    send: "Enviar", attach: "Adjuntar un archivo", typing: "Escribiendo una respuesta…", sending: "Enviando…",
    failed: "No enviado.", retry: "Reintentar", offline: "Está sin conexión. Su mensaje se enviará al volver.",
    reconnecting: "Reconectando…", unavailable: "El chat no está disponible ahora. Inténtelo más tarde.",
    refused: "Este chat no está abierto en esta página.", slow: "Espere un momento antes de volver a escribir.",
    tooLong: "Demasiado largo: {limit} caracteres como máximo.", tooLarge: "Archivo demasiado grande: {limit} MB como máximo.",
    sources: "Fuentes", you: "Usted", bot: "Respuesta", start: "Empezar", name: "Nombre", email: "Correo",
    phone: "Teléfono", required: "Rellene este campo.", consent: "Acepto que se guarden mis datos.",
    again: "Empezar de nuevo", today: "Hoy", newMessage: "Mensaje nuevo: {text}",
  },
  ar: {
    open: "افتح المحادثة", close: "أغلق المحادثة", title: "راسلنا", placeholder: "اكتب رسالة…", send: "إرسال",
    attach: "أرفق ملفًا", typing: "تُكتب الإجابة الآن…", sending: "جارٍ الإرسال…", failed: "لم تُرسل.", retry: "حاول مجددًا",
    offline: "أنت غير متصل. ستُرسل رسالتك عند عودة الاتصال.", reconnecting: "إعادة الاتصال…",
    unavailable: "المحادثة غير متاحة الآن. حاول لاحقًا.", refused: "هذه المحادثة غير مفتوحة في هذه الصفحة.",
    slow: "انتظر لحظة قبل أن تكتب مجددًا.", tooLong: "هذا طويل جدًا: {limit} حرفًا كحد أقصى.",
    tooLarge: "الملف كبير جدًا: {limit} ميغابايت كحد أقصى.", sources: "المصادر", you: "أنت", bot: "الإجابة",
    start: "ابدأ المحادثة", name: "الاسم", email: "البريد", phone: "الهاتف", required: "املأ هذا الحقل.",
    consent: "أوافق على حفظ بياناتي.", again: "ابدأ من جديد", today: "اليوم", newMessage: "رسالة جديدة: {text}",
  },
};

const RIGHT_TO_LEFT = ["ar", "fa", "he", "ur"];

/** The texts for a language tag as `de-AT`, with the owner's own words laid over them. */
function textsFor(tag, own) {
  const language = String(tag || "en").toLowerCase().split("-")[0];
  const texts = { ...TEXTS.en, ...(TEXTS[language] || {}), ...(own || {}) };
  const direction = RIGHT_TO_LEFT.includes(language) ? "rtl" : "ltr";
  return { language, direction, say: (key, values) => fill(texts[key] || key, values) };
}

function fill(text, values) {
  return Object.entries(values || {}).reduce((filled, [name, value]) => filled.replace(`{${name}}`, value), text);
}
