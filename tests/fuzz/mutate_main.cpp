// SPDX-License-Identifier: MIT
// A main for the fuzz targets where libFuzzer is not: the seeds as they are, then changed at random, always in
// the same order.
//     fuzz_TARGET SECONDS SEED_FOLDER      for so long; the input in work is in ./fuzz_TARGET.input
//     fuzz_TARGET FILE...                  these inputs only; prints the readers' errors
#include "input.hpp"

#include <chrono>
#include <filesystem>
#include <random>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace {

constexpr std::size_t longest = 1 << 14;

/// What the formats are made of, and numbers at their limits.
const std::vector<std::string> pieces{"0",
                                      "-1",
                                      "1",
                                      "2147483648",
                                      "4294967296",
                                      "18446744073709551615",
                                      "1e999",
                                      "0.5",
                                      "null",
                                      "true",
                                      "\"",
                                      "\\",
                                      "{",
                                      "}",
                                      "[",
                                      "]",
                                      "(",
                                      ")",
                                      "{%",
                                      "%}",
                                      "{{",
                                      "}}",
                                      ":",
                                      ",",
                                      "\n",
                                      "  ",
                                      "- ",
                                      "&a ",
                                      "*a",
                                      "|",
                                      "?",
                                      "*",
                                      "+",
                                      "(?=",
                                      "\\p{L}",
                                      "[^",
                                      "{1,9}",
                                      "\xC3\xA9",
                                      "\xF0\x9F\x98\x80",
                                      "\xFF",
                                      std::string(4, '\0'),
                                      std::string(8, '\0'),
                                      std::string(4, '\xFF'),
                                      std::string(8, '\xFF'),
                                      std::string("\x01\0\0\0\0\0\0\0", 8),
                                      std::string("\0\0\0\0\0\0\0\x80", 8),
                                      std::string("\0\0\0\x80", 4),
                                      "\n====\n"};

class mutator {
public:
    explicit mutator(std::vector<std::string> seeds) : seeds_(std::move(seeds)) {}

    std::string next()
    {
        std::string text = seeds_[below(seeds_.size())];
        for (std::size_t changes = 1 + below(4); changes > 0; --changes) change(text);
        if (text.size() > longest) text.resize(longest);
        return text;
    }

private:
    std::size_t below(std::size_t limit) { return static_cast<std::size_t>(random_() % limit); }
    std::size_t place(const std::string& text) { return below(text.size() + 1); }

    /// A stretch of a seed.
    std::string stretch(const std::string& from)
    {
        const std::size_t at = place(from);
        return from.substr(at, below(64));
    }

    void change(std::string& text)
    {
        if (text.empty()) text = pieces[below(pieces.size())];
        const std::size_t at = below(text.size());
        const std::string& piece = pieces[below(pieces.size())];
        switch (below(9)) {
        case 0:
            text[at] = static_cast<char>(random_());
            break;
        case 1:
            text[at] = static_cast<char>(text[at] ^ 1 << below(8));
            break;
        case 2:
            text[at] = static_cast<char>(text[at] + (below(2) == 0 ? 1 : -1));
            break;
        case 3:
            text.erase(at, 1 + below(16));
            break;
        case 4:
            text.insert(at, piece);
            break;
        case 5:
            text.replace(at, piece.size(), piece);
            break;
        case 6:
            text.insert(at, stretch(text));
            break;
        case 7:
            text.replace(at, below(64), stretch(seeds_[below(seeds_.size())]));
            break;
        default:
            below(4) == 0 ? text.resize(at) : repeat(text, at);
            break;
        }
    }

    /// The same stretch many times: depth, length.
    void repeat(std::string& text, std::size_t at)
    {
        const std::string part = text.substr(at, 1 + below(4));
        std::string many;
        for (std::size_t count = below(512); count > 0; --count) many += part;
        text.insert(at, many);
    }

    std::vector<std::string> seeds_;
    std::mt19937_64 random_{20240607};
};

/// Keeps the input in work in a file, so that it is there when the target has broken.
class kept_input {
public:
    explicit kept_input(const std::string& path)
        : path_(path), file_(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644))
    {
        fuzz::require(file_ >= 0, "the file of the input in work cannot be written");
    }
    kept_input(const kept_input&) = delete;
    kept_input& operator=(const kept_input&) = delete;
    ~kept_input()
    {
        ::close(file_);
        std::filesystem::remove(path_);
    }

    void run(const std::string& text) const
    {
        const auto size = ::pwrite(file_, text.data(), text.size(), 0);
        fuzz::require(size == static_cast<ssize_t>(text.size()) && ::ftruncate(file_, size) == 0,
                      "the input in work cannot be written");
        ::alarm(60); // a reader that hangs is killed
        // A copy without room behind it, so that reading past its end is seen.
        const std::vector<std::uint8_t> exact(text.begin(), text.end());
        LLVMFuzzerTestOneInput(exact.data(), exact.size());
        ::alarm(0);
    }

private:
    std::string path_;
    int file_;
};

std::vector<std::string> read_seeds(const std::string& folder)
{
    std::vector<std::filesystem::path> paths;
    for (const auto& entry : std::filesystem::directory_iterator{folder}) paths.push_back(entry.path());
    std::sort(paths.begin(), paths.end());
    std::vector<std::string> seeds;
    for (const auto& path : paths) seeds.push_back(test::read(path));
    fuzz::require(!seeds.empty(), "no seeds");
    return seeds;
}

void fuzz_for(double seconds, const std::string& folder, const std::string& name)
{
    using clock = std::chrono::steady_clock;
    const auto end = clock::now() + std::chrono::duration<double>(seconds);
    const kept_input input{name + ".input"};
    const std::vector<std::string> seeds = read_seeds(folder);
    for (const std::string& seed : seeds) input.run(seed);
    mutator changed{seeds};
    std::size_t count = seeds.size();
    for (; clock::now() < end; ++count) input.run(changed.next());
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    std::printf("%s: %zu inputs, %ld MB\n", name.c_str(), count, used.ru_maxrss / 1024);
    fuzz::require(used.ru_maxrss < (2L << 20), "more than 2 GB of memory for inputs of some kilobytes");
}

} // namespace

int main(int count, char** arguments)
{
    const std::string name = std::filesystem::path{arguments[0]}.filename().string();
    if (count == 3 && std::filesystem::is_directory(arguments[2])) {
        fuzz_for(std::atof(arguments[1]), arguments[2], name);
        return 0;
    }
    fuzz::shows_errors = true;
    const kept_input input{name + ".input"};
    for (int i = 1; i < count; ++i) input.run(test::read(arguments[i]));
    return 0;
}
