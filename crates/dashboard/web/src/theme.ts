// How it looks: Mantine, with every text dark enough to be read (WCAG AA) and one colour of ours.

import { createTheme, type CSSVariablesResolver } from "@mantine/core";

export const theme = createTheme({
  primaryColor: "indigo",
  primaryShade: { light: 8, dark: 7 },
  defaultRadius: "md",
  cursorType: "pointer",
  fontFamily: "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Liberation Sans', sans-serif",
  fontFamilyMonospace: "ui-monospace, 'SF Mono', 'Cascadia Mono', 'Liberation Mono', Menlo, monospace",
  headings: { fontWeight: "650", sizes: { h1: { fontSize: "1.6rem" }, h2: { fontSize: "1.15rem" }, h3: { fontSize: "1rem" } } },
  components: {
    TextInput: { defaultProps: { inputWrapperOrder: ["label", "input", "description", "error"] } },
    Textarea: { defaultProps: { inputWrapperOrder: ["label", "input", "description", "error"], autosize: true, minRows: 3, maxRows: 16 } },
    NumberInput: { defaultProps: { inputWrapperOrder: ["label", "input", "description", "error"] } },
    PasswordInput: { defaultProps: { inputWrapperOrder: ["label", "input", "description", "error"] } },
    Select: { defaultProps: { allowDeselect: false, inputWrapperOrder: ["label", "input", "description", "error"] } },
    Badge: { defaultProps: { variant: "dot", radius: "sm", tt: "none", fw: 600 }, styles: { root: { minWidth: "max-content" } } },
    Alert: { styles: { title: { color: "var(--mantine-color-text)" }, message: { color: "var(--mantine-color-text)" } } },
    // Within a dialog it is no banner of the page.
    ModalHeader: { defaultProps: { role: "presentation" } },
    DrawerHeader: { defaultProps: { role: "presentation" } },
    Modal: { defaultProps: { centered: true } },
    // Within a text colour alone does not tell a link.
    Anchor: { defaultProps: { underline: "always" } },
  },
});

export const colours: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    "--mantine-color-dimmed": "var(--mantine-color-gray-7)",
    "--mantine-color-placeholder": "var(--mantine-color-gray-7)",
    "--mantine-color-error": "var(--mantine-color-red-9)",
    "--botsmith-ground": "var(--mantine-color-gray-0)",
  },
  dark: {
    "--mantine-color-dimmed": "var(--mantine-color-dark-1)",
    "--mantine-color-placeholder": "var(--mantine-color-dark-1)",
    "--mantine-color-error": "var(--mantine-color-red-4)",
    "--botsmith-ground": "var(--mantine-color-dark-8)",
  },
});
