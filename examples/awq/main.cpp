// SPDX-License-Identifier: MIT
// The program itself is a shared library, built once for each level of x86-64. This loads the best that the
// processor has, or the one that --instruction-set names.
#include <cstdio>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include <dlfcn.h>

namespace {

struct level {
    std::string_view name;
    bool (*runs_here)();
};

constexpr level levels[] = {
#if defined(__x86_64__)
    {"x86-64-v4",
     [] {
         return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                __builtin_cpu_supports("avx512vl");
     }},
    {"x86-64-v3",
     [] {
         return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
                __builtin_cpu_supports("bmi2");
     }},
    {"x86-64-v2", [] { return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt"); }},
#endif
    {"baseline", [] { return true; }},
};

/// Whether the build made a library for it: AWQ_DRIVER_LEVELS lists them, each between two commas.
bool is_built(const level& each)
{
    std::string entry{","};
    entry.append(each.name).append(",");
    return std::string_view{AWQ_DRIVER_LEVELS}.find(entry) != std::string_view::npos;
}

/// The value of --instruction-set; none where the flag is not there or is the last word, which the program refuses.
std::optional<std::string_view> wanted_level(int argc, char** argv)
{
    constexpr std::string_view flag = "--instruction-set";
    for (int i = 1; i < argc && std::strcmp(argv[i], "--") != 0; ++i) {
        const std::string_view word = argv[i];
        if (word == flag && i + 1 < argc) return argv[i + 1];
        if (word.starts_with(flag) && word.substr(flag.size()).starts_with('=')) return word.substr(flag.size() + 1);
    }
    return std::nullopt;
}

/// Says why a level cannot be had, and which can.
int refuse(std::string_view name)
{
    bool known = false;
    std::string usable;
    for (const level& each : levels) {
        if (!is_built(each)) continue;
        known = known || each.name == name;
        if (each.runs_here()) usable += (usable.empty() ? "" : ", ") + std::string{each.name};
    }
    std::fprintf(stderr, "awq: --instruction-set %.*s: %s; it can be %s\n", static_cast<int>(name.size()), name.data(),
                 known ? "this processor does not have it" : "this program was not built for it", usable.c_str());
    return 2;
}

/// The one of that name, or the best; none where it was not built or does not run here.
const level* find_level(std::optional<std::string_view> name)
{
    for (const level& each : levels)
        if (is_built(each) && each.runs_here() && each.name == name.value_or(each.name)) return &each;
    return nullptr;
}

} // namespace

int main(int argc, char** argv)
{
    const std::optional<std::string_view> name = wanted_level(argc, argv);
    const level* const chosen = find_level(name);
    if (!chosen && name) return refuse(*name);
    if (!chosen) {
        std::fprintf(stderr, "awq: this processor has no instruction set that the program was built for\n");
        return 1;
    }
    const std::string file = AWQ_DRIVER_PREFIX + std::string{chosen->name} + AWQ_DRIVER_SUFFIX;
    void* const library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    using driver_main = int (*)(int, char**);
    const auto run = library ? reinterpret_cast<driver_main>(dlsym(library, "awq_driver_main")) : nullptr;
    if (run) return run(argc, argv);
    std::fprintf(stderr, "awq: a part of the program is missing: %s\n", dlerror());
    return 1;
}
