import { Badge, Button, Group, Modal, NativeSelect, NumberInput, Stack, Table, Text, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, type Schemas } from "../../api/client";
import { useAct } from "../../parts/act";
import { PROVIDERS } from "../../parts/endpoint";
import { Actions, Confirm, Empty, Section, Shown, Wrong } from "../../parts/state";
import { useTexts } from "../../texts";

type Price = Schemas["Price"];

const today = () => new Date().toISOString().slice(0, 10);

/** An entry of the same model and day takes the other's place, so a changed one is a new one. */
function PriceForm({ from, onClose }: { from?: Price; onClose: () => void }) {
  const { t, word } = useTexts();
  const [provider, setProvider] = useState(from?.provider ?? "openai");
  const [model, setModel] = useState(from?.model ?? "");
  const [day, setDay] = useState(from?.valid_from ?? today());
  const [input, setInput] = useState<string | number>(from?.input_usd ?? "");
  const [output, setOutput] = useState<string | number>(from?.output_usd ?? "");
  const save = useAct(async () => ask(api.POST("/api/administration/model-prices", { body: { provider, model, valid_from: day || null, input_usd: Number(input), output_usd: Number(output) } })), ["prices"]);
  const usd = { required: true, min: 0, decimalScale: 6, prefix: "$" };
  return (
    <form onSubmit={(event) => { event.preventDefault(); save.mutate(undefined, { onSuccess: onClose }); }}>
      <Stack>
        <NativeSelect label={t("model.provider")} value={provider} onChange={(event) => setProvider(event.currentTarget.value)} data={PROVIDERS.map((value) => ({ value, label: word("provider", value) }))} />
        <TextInput label={t("model.model")} description={t("prices.modelHint")} required value={model} onChange={(event) => setModel(event.currentTarget.value)} data-autofocus />
        <TextInput label={t("prices.from")} description={t("prices.fromHint")} type="date" required value={day} onChange={(event) => setDay(event.currentTarget.value)} />
        <div className="split">
          <NumberInput {...usd} label={t("prices.input")} value={input} onChange={setInput} />
          <NumberInput {...usd} label={t("prices.output")} value={output} onChange={setOutput} />
        </div>
        {save.error && <Wrong error={save.error} />}
        <Group justify="flex-end"><Button variant="default" onClick={onClose}>{t("do.cancel")}</Button><Button type="submit" loading={save.isPending}>{t("do.save")}</Button></Group>
      </Stack>
    </form>
  );
}

/** Of a model's entries, the newest that has begun counts. */
function counts(price: Price, all: Price[]): boolean {
  const begun = all.filter((one) => one.provider === price.provider && one.model === price.model && one.valid_from <= today());
  return begun.toSorted((one, other) => other.valid_from.localeCompare(one.valid_from))[0]?.id === price.id;
}

export function PriceList() {
  const { t, number, word } = useTexts();
  const [search, setSearch] = useState("");
  const [edited, setEdited] = useState<Price | "new" | null>(null);
  const [gone, setGone] = useState<Price | null>(null);
  const prices = useQuery({ queryKey: ["prices"], queryFn: () => ask(api.GET("/api/administration/model-prices")) });
  const remove = useAct((price_id: string) => ask(api.DELETE("/api/administration/model-prices/{price_id}", { params: { path: { price_id } } })), ["prices"]);
  const usd = (value: number) => number(value, { style: "currency", currency: "USD", maximumFractionDigits: 6 });
  const name = (price: Price) => `${price.model}, ${price.valid_from}`;
  return (
    <Section title={t("prices.title")} note={t("prices.note")} action={<Group gap="xs"><TextInput size="xs" type="search" aria-label={t("do.search")} placeholder={t("do.search")} value={search} onChange={(event) => setSearch(event.currentTarget.value)} /><Button size="xs" onClick={() => setEdited("new")}>{t("prices.add")}</Button></Group>}>
      <Shown of={prices}>
        {({ items }) => {
          if (!items.length) return <Empty title={t("prices.none")}>{t("prices.noneHint")}</Empty>;
          const found = items.filter((price) => `${word("provider", price.provider)} ${price.model}`.toLowerCase().includes(search.toLowerCase()));
          if (!found.length) return <Empty title={t("none.found")} />;
          return (
            <Table.ScrollContainer minWidth={680} mah={520}>
              <Table verticalSpacing="xs" stickyHeader aria-label={t("prices.title")}>
                <Table.Thead><Table.Tr><Table.Th>{t("record.model")}</Table.Th><Table.Th>{t("prices.from")}</Table.Th><Table.Th>{t("prices.input")}</Table.Th><Table.Th>{t("prices.output")}</Table.Th><Actions /></Table.Tr></Table.Thead>
                <Table.Tbody>{found.map((price) => (
                  <Table.Tr key={price.id}>
                    <Table.Td><Group gap="xs"><Text size="sm" fw={600} className="words">{price.model}</Text>{counts(price, items) && <Badge color="green">{t("prices.now")}</Badge>}</Group><Text size="xs" c="dimmed">{word("provider", price.provider)}</Text></Table.Td>
                    <Table.Td style={{ whiteSpace: "nowrap" }}><Text size="sm">{price.valid_from}</Text></Table.Td>
                    <Table.Td><Text size="sm">{usd(price.input_usd)}</Text></Table.Td>
                    <Table.Td><Text size="sm">{usd(price.output_usd)}</Text></Table.Td>
                    <Table.Td><Group gap="xs" justify="flex-end" wrap="nowrap">
                      <Button size="xs" variant="default" onClick={() => setEdited(price)} aria-label={`${t("do.edit")}: ${name(price)}`}>{t("do.edit")}</Button>
                      <Button size="xs" variant="default" onClick={() => setGone(price)} aria-label={`${t("do.delete")}: ${name(price)}`}>{t("do.delete")}</Button>
                    </Group></Table.Td>
                  </Table.Tr>
                ))}</Table.Tbody>
              </Table>
            </Table.ScrollContainer>
          );
        }}
      </Shown>
      <Modal opened={edited !== null} onClose={() => setEdited(null)} title={t("prices.add")} closeButtonProps={{ "aria-label": t("do.close") }}>{edited && <PriceForm from={edited === "new" ? undefined : edited} onClose={() => setEdited(null)} />}</Modal>
      <Confirm opened={gone !== null} onClose={() => setGone(null)} title={t("prices.deleteTitle")} action={t("do.delete")} onConfirm={async () => gone && remove.mutateAsync(gone.id)}>{t("prices.deleteWhat", { model: gone ? name(gone) : "" })}</Confirm>
    </Section>
  );
}
