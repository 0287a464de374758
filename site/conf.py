"""Settings of Sphinx for the readable edition; `python3 course.py site` builds it (tools/build_site.py)."""

from tools.write_badges import ROOT, address, is_public

repository, branch = address()
owner, name = repository.removeprefix("https://github.com/").split("/")

project = "From Neurons to Generative Models"
extensions = ["myst_nb", "tools.site.sphinx_parts"]

nb_execution_mode = "off"  # the saved outputs are shown; nothing is run
nb_ipywidgets_js = {}  # no script from elsewhere: widgets are pictures here
nb_code_prompt_show = "Show what comes out"
nb_code_prompt_hide = "Hide what comes out"
myst_enable_extensions = ["attrs_inline", "dollarmath"]
myst_heading_anchors = 3
myst_heading_slug_func = "docutils.nodes.make_id"
myst_links_external_new_tab = False
smartquotes = False
highlight_language = "none"  # of blocks in texts; cells are Python

html_theme = "sphinx_book_theme"
html_title = project
html_baseurl = f"https://{owner.lower()}.github.io/{name}/" if is_public(repository) else ""
html_math_renderer = "katex"
html_static_path = ["_static", str(ROOT / "utils/assets/vae_plane.png")]
html_css_files = ["katex/katex.min.css", "course.css"]
html_js_files = [("course.js", {"defer": "defer"})]
html_favicon = "_static/favicon.svg"
html_context = {"default_mode": "auto"}  # light or dark, as the reader's system says
html_copy_source = False  # each lesson has a button that downloads the real notebook
html_show_sphinx = False
html_theme_options = {
    "repository_url": repository,
    "repository_branch": branch,
    "use_repository_button": is_public(repository),
    "use_download_button": False,
    "home_page_in_toc": True,
    "navbar_persistent": [],  # the side bar has the search already
    "footer_content_items": ["extra-footer.html"],
    "extra_footer": "Text and figures: CC BY 4.0. Code: MIT. MNIST: LeCun, Cortes and Burges, CC BY-SA 3.0.",
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
