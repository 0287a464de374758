"""One visit of a page in a fresh window, as a reader who opens every answer and looks at every picture."""

from types import SimpleNamespace

WIDTHS = 390, 768, 1280
OPEN_ALL = "document.querySelectorAll('details').forEach(each => { each.open = true; })"

# Before the page's own scripts: note the largest picture or text so far, and everything that moves by itself.
WATCH = """
window.seen = {shift: 0, moved: [], largest: 0, first: 0};
new PerformanceObserver(list => list.getEntries().forEach(each => {
  if (each.hadRecentInput) return;
  seen.shift += each.value;
  each.sources.forEach(source => source.node && seen.moved.push(source.node.className || source.node.nodeName));
})).observe({type: "layout-shift", buffered: true});
new PerformanceObserver(list => list.getEntries().forEach(each => { seen.largest = each.startTime; }))
  .observe({type: "largest-contentful-paint", buffered: true});
new PerformanceObserver(list => list.getEntries().forEach(each => { seen.first = each.startTime; }))
  .observe({type: "paint", buffered: true});
"""

LOOK = """() => {
  const article = document.querySelector(".bd-article, #search-results, main").cloneNode(true);
  article.querySelectorAll(".katex, code, pre, script").forEach(each => each.remove());
  return {
    text: article.textContent,
    links: [...document.querySelectorAll("a[href]")].map(each => each.href),
    ids: [...document.querySelectorAll("[id]")].map(each => each.id),
    broken_images: [...document.images].filter(each => !each.naturalWidth).map(each => each.src),
    images_without_text: [...document.images].filter(each => !each.alt).map(each => each.src),
    formulas: document.querySelectorAll(".katex").length,
    unset_formulas: [...document.querySelectorAll(".katex-error, .math")].map(each => each.textContent),
    title: document.title,
    card: document.querySelector("meta[property='og:image']")?.content,
  };
}"""

WIDER = """() => [...document.querySelectorAll("body *")]
  .filter(each => each.getBoundingClientRect().right > innerWidth + 1 && !each.closest(".katex, pre, table"))
  .map(each => each.tagName + "." + each.className).slice(0, 5)"""


class Found(SimpleNamespace):
    """What a visit found; a failing test shows the part in question, not all of it."""

    def __repr__(self):
        return "Found(…)"


def visit(browser, address, name):
    """Return what a browser finds on a page: errors, requests, sizes, times, links, and what is too wide."""
    found = Found(errors=[], requests=[], failed=[], too_wide={})
    sizes = []
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.add_init_script(WATCH)
    page.on("console", lambda message: message.type == "error" and found.errors.append(message.text))
    page.on("pageerror", lambda error: found.errors.append(str(error)))
    page.on("request", lambda request: found.requests.append(request.url))
    page.on("requestfailed", lambda request: found.failed.append(request.url))
    page.on("response", lambda response: response.status >= 400 and found.failed.append(response.url))
    page.on("requestfinished", lambda request: sizes.append(request))
    page.goto(f"{address}/{name}.html", wait_until="networkidle")
    page.wait_for_function("seen.first && seen.largest")
    found.seen = SimpleNamespace(**page.evaluate("seen"))
    page.evaluate(OPEN_ALL)
    page.evaluate("[...document.images].forEach(each => { each.loading = 'eager'; })")
    page.wait_for_function("[...document.images].every(each => each.complete)")
    page.wait_for_load_state("networkidle")
    found.bytes = sum(request.sizes()["responseBodySize"] for request in sizes)
    vars(found).update(page.evaluate(LOOK))
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(50)
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.too_wide[width] = page.evaluate(WIDER)
    context.close()
    return found
