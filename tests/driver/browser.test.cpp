// SPDX-License-Identifier: MIT
// Reports as a browser shows them: Chromium, without a window.
#include "catch.hpp"
#include "shell.hpp"

#include <string>

namespace {

/// `browse` runs the browser; `measure.html` says how wide r.html is where 390 pixels are there for it.
const std::string prelude = R"sh(set -e
browse() { timeout 120 ")sh" AWQ_CHROMIUM R"sh(" --headless --no-sandbox --disable-gpu --hide-scrollbars \
    --no-first-run --allow-file-access-from-files --virtual-time-budget=2000 \
    --user-data-dir="$PWD/profile" "$@" 2>/dev/null; }
cat > measure.html <<'E'
<iframe id="f" style="border:0;width:390px;height:800px" src="r.html"></iframe><p id="p"></p>
<script>onload = () => p.textContent = 'wide: ' + f.contentDocument.documentElement.scrollWidth</script>
E
)sh";

/// The width of a PNG file, from its header.
unsigned width_of(const std::string& png)
{
    REQUIRE(png.size() > 24);
    const auto byte = [&](std::size_t at) { return static_cast<unsigned>(static_cast<unsigned char>(png[at])); };
    return byte(16) << 24 | byte(17) << 16 | byte(18) << 8 | byte(19);
}

} // namespace

TEST_CASE("a browser shows the page of a run, also on a phone and on paper")
{
    const test::scratch here;
    const auto run = test::shell(here, prelude + R"sh(
        $AWQ oneshot --model $MODEL --dataset $TEXT --num-calibration-samples 2 --max-seq-length 32 --n-grid 3 \
            --threads 1 --type q4_k_m --output '<script>alert(1)<.gguf' --report r.html >&2
        browse --dump-dom "file://$PWD/r.html" > dom.txt
        browse --dump-dom "file://$PWD/measure.html" > measured.txt
        browse --window-size=800,1200 --screenshot=shot.png "file://$PWD/r.html"
        browse --print-to-pdf=r.pdf "file://$PWD/r.html")sh");
    INFO(run.err);
    REQUIRE(run.exit_code == 0);
    const std::string dom = test::read(here / "dom.txt");
    for (const char* const part :
         {"<h1>tiny-llama</h1>", "12 of 16", "<b>Warning</b>", "4 mappings", "&lt;script&gt;alert(1)&lt;.gguf",
          "blk.3.ffn_down.weight", "Q4_K", "num_calibration_samples"}) {
        INFO(part);
        CHECK(dom.find(part) != std::string::npos);
    }
    CHECK(dom.find("<script") == std::string::npos);
    CHECK(test::read(here / "measured.txt").find("wide: 390<") != std::string::npos);
    CHECK(width_of(test::read(here / "shot.png")) == 800);
    CHECK(test::read(here / "shot.png").size() > 20'000); // a blank one has 4000
    CHECK(test::read(here / "r.pdf").starts_with("%PDF"));
}

TEST_CASE("a browser shows the plot of several models, which fits a phone")
{
    const test::scratch here;
    const auto run = test::shell(here, prelude + R"sh(head -c 600 "$TEXT" > short.txt
        $AWQ export --model $MODEL --type q4_0 --output q4.gguf >&2
        $AWQ eval --model q4.gguf --model $MODEL --reference $MODEL --dataset short.txt --max-seq-length 64 \
            --threads 1 --report r.html >&2
        browse --dump-dom "file://$PWD/r.html" > dom.txt
        browse --dump-dom "file://$PWD/measure.html" > measured.txt)sh");
    INFO(run.err);
    REQUIRE(run.exit_code == 0);
    const std::string dom = test::read(here / "dom.txt");
    for (const char* const part :
         {"<h1>2 models compared</h1>", ">q4.gguf</text>", ">tiny-llama</text>", "KL divergence from tiny-llama"})
        CHECK(dom.find(part) != std::string::npos);
    CHECK(test::read(here / "measured.txt").find("wide: 390<") != std::string::npos);
}
