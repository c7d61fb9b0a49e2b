// SPDX-License-Identifier: MIT
#ifndef AWQ_TESTS_REPORT_SCHEMA_CHECKER_HPP
#define AWQ_TESTS_REPORT_SCHEMA_CHECKER_HPP

#include <awq/io/json_reader.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace test {

/// Compares JSON with a JSON Schema, as far as ours go: $ref into $defs, oneOf, enum, type, minimum, items, and
/// objects that are closed.
class schema_checker {
public:
    explicit schema_checker(const awq::json::value& schema) : root_(schema) {}

    /// What is wrong, with its place; empty where all is as the schema says.
    std::string check(const awq::json::value& value) const { return check(value, root_, "report"); }

    /// Keys of the schema's objects that no description explains, and objects that let other keys pass.
    std::vector<std::string> undocumented() const
    {
        std::vector<std::string> found;
        for (const auto& definition : root_.at("$defs").value().members()) {
            const auto properties = definition.value.find("properties");
            if (!properties) continue;
            const auto open = definition.value.find("additionalProperties");
            if (!open || !open->is_bool() || *open->as_bool()) found.emplace_back(definition.key);
            for (const auto& each : properties->members())
                if (const auto text = each.value.find("description"); !text || text->as_string()->empty())
                    found.push_back(std::string{definition.key} + "." + std::string{each.key});
        }
        return found;
    }

private:
    using value = awq::json::value;

    std::string check(const value& given, const value& schema, const std::string& place) const
    {
        if (const auto name = schema.find("$ref")) {
            const std::string_view path = *name->as_string();
            const auto definition = root_.at("$defs").value().find(path.substr(path.rfind('/') + 1));
            return definition ? check(given, *definition, place) : place + ": the schema has no " + std::string{path};
        }
        if (const auto choices = schema.find("oneOf")) return check_choices(given, *choices, place);
        if (const auto allowed = schema.find("enum")) return check_enum(given, *allowed, place);
        if (!has_type(given, schema)) return place + ": is of another type";
        if (const auto least = schema.find("minimum"))
            if (*given.as_number() < *least->as_number()) return place + ": is too small";
        if (given.is_object()) return check_object(given, schema, place);
        if (const auto items = schema.find("items"))
            for (const value& each : given.elements())
                if (auto wrong = check(each, *items, place + "[]"); !wrong.empty()) return wrong;
        return {};
    }

    std::string check_choices(const value& given, const value& choices, const std::string& place) const
    {
        std::string all;
        int fitting = 0;
        for (const value& each : choices.elements()) {
            const std::string wrong = check(given, each, place);
            fitting += wrong.empty() ? 1 : 0;
            all += wrong + "; ";
        }
        return fitting == 1 ? "" : place + ": " + std::to_string(fitting) + " choices fit: " + all;
    }

    static std::string check_enum(const value& given, const value& allowed, const std::string& place)
    {
        for (const value& each : allowed.elements())
            if (given.is_string() && *given.as_string() == *each.as_string()) return {};
        return place + ": is none of the allowed texts";
    }

    std::string check_object(const value& given, const value& schema, const std::string& place) const
    {
        const auto properties = schema.find("properties");
        for (const auto& each : given.members()) {
            const std::string inner = place + "." + std::string{each.key};
            const auto known = properties ? properties->find(each.key) : properties;
            if (!known) return inner + ": is not in the schema";
            if (auto wrong = check(each.value, *known, inner); !wrong.empty()) return wrong;
        }
        for (const value& each : schema.at("required").value().elements())
            if (!given.find(*each.as_string())) return place + "." + std::string{*each.as_string()} + ": is missing";
        return {};
    }

    static bool has_type(const value& given, const value& schema)
    {
        const auto type = schema.find("type");
        if (!type) return true;
        if (type->is_string()) return is(given, *type->as_string());
        for (const value& each : type->elements())
            if (is(given, *each.as_string())) return true;
        return false;
    }

    static bool is(const value& given, std::string_view type)
    {
        return type == "object"    ? given.is_object()
               : type == "array"   ? given.is_array()
               : type == "string"  ? given.is_string()
               : type == "boolean" ? given.is_bool()
               : type == "null"    ? given.is_null()
               : type == "integer" ? given.is_integer()
                                   : type == "number" && given.is_number();
    }

    value root_;
};

/// A report against the schema that is documented; empty where it fits.
inline std::string differs_from_schema(const std::string& report)
{
    const auto schema = awq::json::load(AWQ_SOURCE_DIR "/examples/report.schema.json");
    const auto given = awq::json::document::parse(report, "report");
    if (!schema || !given) return "the schema or the report cannot be read";
    return schema_checker{schema->root()}.check(given->root());
}

} // namespace test

#endif
