use super::*;

fn text(html: &str) -> String {
    of_text(html).text
}

#[test]
fn a_page_is_its_headings_paragraphs_lists_and_tables() {
    let page = r#"<!doctype html><html><head><title> Fern &amp; Kettle </title>
        <link rel="canonical" href="https://fern.example/visit"></head><body>
        <header><a href="/">Home</a></header><nav>Menu <a href="/shop">Shop</a></nav>
        <main><h1>Visit <em>us</em></h1><p>We are open
          from <b>nine</b> to&nbsp;five.<br>Closed on Sundays.</p>
          <h2>Prices</h2><table><tr><th>Tea</th><th>Price</th></tr><tr><td>Mint</td><td>3&nbsp;€</td></tr></table>
          <ul><li>Cash</li><li>Card <a href="/cards?x=1">which</a></li></ul><dl><dt>Parking</dt><dd>Behind the house</dd></dl>
          <pre>a  b
  c</pre><p>The end is near, as they say, and this sentence only makes the main part long enough to be taken for the page.</p></main>
        <footer>© Fern</footer></body></html>"#;

    let found = of_text(page);

    assert_eq!(found.title.as_deref(), Some("Fern & Kettle"));
    assert_eq!(
        found.text,
        "# Visit us\n\nWe are open from nine to five.\nClosed on Sundays.\n\n## Prices\n\nTea: Mint; Price: 3 €\n\n\
         - Cash\n- Card which\n\nParking: Behind the house\n\n```\na  b\n  c\n```\n\n\
         The end is near, as they say, and this sentence only makes the main part long enough to be taken for the page."
    );
    assert_eq!(found.links, ["/", "/shop", "/cards?x=1"]);
    assert_eq!(found.canonical.as_deref(), Some("https://fern.example/visit"));
}

#[test]
fn s13_what_a_visitor_does_not_see_is_not_read() {
    let page = r#"<style>.ghost{display:none} .a #b{font-size:0}</style>
        <p>Seen.</p><p hidden>1</p><p style="display:none">2</p><span class="ghost">3</span><div class="a"><i id="b">4</i></div>
        <!-- 5 --><script>6</script><template>7</template><p aria-hidden="true">8</p><noscript>9</noscript>
        <p style="color:#fff;background:white">10</p><textarea>11</textarea>"#;

    assert_eq!(text(page), "Seen.");
}

#[test]
fn a_page_without_a_main_part_is_its_body() {
    assert_eq!(
        text("<p>One</p><article>Two</article><article>Three</article>"),
        "One\n\nTwo\n\nThree"
    );
    assert_eq!(text("<main>Short</main><p>Beside it</p>"), "Short\n\nBeside it");
    assert_eq!(text("Hi <b>there</b>, <i>you</i>!"), "Hi there, you!");
}

#[test]
fn a_page_says_whether_it_may_be_kept() {
    let page = of_text(
        r#"<head><meta name="ROBOTS" content="NoIndex, nofollow"></head><p>x</p><a rel="nofollow" href="/a">a</a>"#,
    );

    assert!(page.no_index && page.no_follow);
    assert!(page.links.is_empty());
}

#[test]
fn a_page_in_an_old_encoding_is_read_as_it_says() {
    let (bytes, ..) = encoding_rs::WINDOWS_1251.encode("<meta charset=windows-1251><p>Мы</p>");

    assert_eq!(read(&bytes).text, "Мы");
}

#[test]
fn elements_within_elements_without_end_are_read_all_the_same() {
    let deep = format!("{}deep{}", "<div>".repeat(3_000), "</div>".repeat(3_000));

    assert_eq!(text(&deep), "deep");
}

#[test]
fn a_layout_table_is_read_like_any_block() {
    let page = "<table><tr><td><h2>Left</h2><p>One.</p></td><td><p>Two.</p></td></tr></table>";

    assert_eq!(text(page), "## Left\n\nOne.\n\nTwo.");
}
