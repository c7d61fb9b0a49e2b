// SPDX-License-Identifier: MIT
// A recipe in YAML, and the options that it sets.
#include "input.hpp"

#include <awq/recipe/load_recipe.hpp>
#include <awq/run/apply_recipe.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const auto recipe = awq::load_recipe(fuzz::folder().put("r.yaml", fuzz::text_of(data, size)));
    if (!fuzz::succeeded(recipe)) return 0;
    awq::oneshot_options options;
    fuzz::succeeded(awq::apply_recipe(*recipe, options));
    return 0;
}
