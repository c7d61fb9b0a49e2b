// SPDX-License-Identifier: MIT
#ifndef AWQ_TEXT_TEMPLATE_FILES_HPP
#define AWQ_TEXT_TEMPLATE_FILES_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/directory_entries.hpp>
#include <awq/io/json_reader.hpp>
#include <awq/io/model_file.hpp>
#include <awq/io/read_file.hpp>
#include <awq/support/printable.hpp>
#include <awq/support/result.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace awq {

/// No chat template is longer than this, in bytes.
inline constexpr std::size_t template_size_limit = std::size_t{512} << 10;

/// The source of a chat template.
struct named_template {
    std::string name; ///< "default", "tool_use", ...
    std::string source;
    std::string where; ///< its file, for error texts
};

/// The chat templates of a model directory, by the rules of transformers: chat_template.jinja and
/// the files of additional_chat_templates/ where there are any, else "chat_template" of
/// tokenizer_config.json (a string or a list of {"name", "template"}), else that of
/// chat_template.json.
class template_files {
public:
    /// Errors: those of reading the files; a directory without a template gives an empty list.
    static result<template_files> load(const std::string& directory)
    {
        template_files made;
        made.directory_ = directory;
        AWQ_CHECK(made.add_file("default", "chat_template.jinja"));
        AWQ_CHECK(made.add_files("additional_chat_templates"));
        AWQ_TRY(const auto config, load_if_there(directory, "tokenizer_config.json"));
        if (config) AWQ_CHECK(made.read_config(config->root()));
        if (!made.all_.empty()) return made;
        AWQ_TRY(const auto old, load_if_there(directory, "chat_template.json"));
        if (old) AWQ_CHECK(made.read_templates(old->root()));
        return made;
    }

    const std::vector<named_template>& all() const noexcept { return all_; }

    /// "bos_token" and the like, where tokenizer_config.json has them.
    const std::map<std::string, std::string>& special_tokens() const noexcept { return tokens_; }

    /// The template for samples with or without tools: "tool_use" if there are tools and such a
    /// template, else "default". Errors: `missing_field`, which names what there is.
    result<named_template> choose(bool has_tools) const
    {
        if (has_tools)
            if (const named_template* const found = find("tool_use")) return *found;
        if (const named_template* const found = find("default")) return *found;
        if (all_.empty())
            return error{error_code::missing_field, directory_,
                         ": the model has no chat template (chat_template.jinja, or "
                         "\"chat_template\" in tokenizer_config.json)"};
        std::string names;
        for (const named_template& each : all_) names += (names.empty() ? "" : ", ") + printable(each.name, 40);
        return error{error_code::missing_field, directory_,
                     ": none of the chat templates is called \"default\"; there are ", names};
    }

private:
    static result<std::optional<json::document>> load_if_there(const std::string& directory, const std::string& name)
    {
        AWQ_TRY(const std::string path, model_file(directory, name));
        auto found = json::load(path);
        if (found) return std::optional{*std::move(found)};
        if (found.error().code() == error_code::file_not_found) return std::optional<json::document>{};
        return found.error();
    }

    const named_template* find(std::string_view name) const noexcept
    {
        const auto found = std::find_if(all_.begin(), all_.end(), [&](const auto& each) { return each.name == name; });
        return found == all_.end() ? nullptr : &*found;
    }

    status add_file(std::string name, const std::string& file)
    {
        AWQ_TRY(const std::string path, model_file(directory_, file));
        auto source = read_file(path, template_size_limit);
        if (!source && source.error().code() == error_code::file_not_found) return {};
        if (!source) return source.error();
        all_.push_back({std::move(name), *std::move(source), path});
        return {};
    }

    status add_files(const std::string& folder)
    {
        std::error_code failed;
        std::vector<std::string> stems;
        for (const std::filesystem::path name : names_in(directory_ + '/' + folder, failed))
            if (name.extension() == ".jinja" && stems.size() < 64) stems.push_back(name.stem().string());
        std::sort(stems.begin(), stems.end());
        for (const std::string& stem : stems) AWQ_CHECK(add_file(stem, folder + '/' + stem + ".jinja"));
        return {};
    }

    status read_config(const json::value& config)
    {
        for (const json::member& each : config.members()) {
            if (!each.key.ends_with("_token")) continue;
            const json::value text =
                each.value.is_object() ? each.value.find("content").value_or(each.value) : each.value;
            if (text.is_string()) tokens_.emplace(each.key, *text.as_string());
        }
        return all_.empty() ? read_templates(config) : status{};
    }

    status read_templates(const json::value& config)
    {
        const auto found = config.find_non_null("chat_template");
        if (!found) return {};
        if (!found->is_array()) return add("default", *found, config);
        for (const json::value& each : found->elements()) {
            AWQ_TRY(const json::value name_field, each.at("name"));
            AWQ_TRY(const std::string_view name, name_field.as_string());
            AWQ_TRY(const json::value source, each.at("template"));
            AWQ_CHECK(add(std::string{name}, source, config));
        }
        return {};
    }

    status add(std::string name, const json::value& source, const json::value& config)
    {
        AWQ_TRY(const std::string_view text, source.as_string());
        const bool is_default = name == "default";
        std::string where = config.where() + (is_default ? "" : ": template " + printable(name, 40));
        all_.push_back({std::move(name), std::string{text}, std::move(where)});
        return {};
    }

    std::string directory_;
    std::vector<named_template> all_;
    std::map<std::string, std::string> tokens_;
};

} // namespace awq

#endif
