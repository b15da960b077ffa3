// Amounts of money: whole numbers of a currency's smallest unit, as the API has them.

import { useTexts } from "../texts";

/** How many decimals the currency has. */
export function decimalsOf(currency: string): number {
  try {
    return new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits ?? 2;
  } catch {
    return 2;
  }
}

/** What somebody typed, in the smallest unit. */
export function minorOf(amount: string | number, currency: string): number {
  return Math.round(Number(amount) * 10 ** decimalsOf(currency));
}

/** The other way round. */
export function amountOf(minor: number, currency: string): number {
  return minor / 10 ** decimalsOf(currency);
}

export function useMoney() {
  const { number } = useTexts();
  return (minor: number, currency: string) => number(amountOf(minor, currency), { style: "currency", currency });
}

/** Several currencies, side by side: they are never added up. */
export function useSums() {
  const money = useMoney();
  return (sums: { currency: string; minor: number }[]) => sums.map(({ currency, minor }) => money(minor, currency)).join(" + ") || "–";
}

/** US dollars, in which models are paid for; a dash where nobody knows. */
export function useUsd() {
  const { number } = useTexts();
  return (usd?: number | null) => (usd == null ? "–" : number(usd, { style: "currency", currency: "USD" }));
}
