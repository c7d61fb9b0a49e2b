// SPDX-License-Identifier: MIT
#ifndef AWQ_REPORT_REPORT_STATE_HPP
#define AWQ_REPORT_REPORT_STATE_HPP

#include <awq/support/requires_hosted.hpp>

#include <awq/io/state_bytes.hpp>
#include <awq/report/run_report.hpp>
#include <awq/support/notice.hpp>

namespace awq {

// What a report is made of as bytes, see io/state_bytes.hpp. The notices go apart: their list shows what is added.

void visit_members(same_state<notice> auto& each, auto&& visit) { visit(each.level, each.text); }
void visit_members(same_state<fallback_list> auto& list, auto&& visit) { visit(list.all()); }
void visit_members(same_state<tensor_report> auto& each, auto&& visit)
{
    visit(each.name, each.type, each.elements, each.bytes);
}
void visit_members(same_state<output_report> auto& each, auto&& visit) { visit(each.path, each.tensors); }
void visit_members(same_state<layer_report> auto& each, auto&& visit)
{
    visit(each.layer, each.format, each.steps, each.relative_error, each.skipped);
}
void visit_members(same_state<expert_report> auto& each, auto&& visit) { visit(each.layer, each.tokens, each.few); }
void visit_members(same_state<mapping_report> auto& each, auto&& visit)
{
    visit(each.layer, each.smooth_layer, each.balance_layers, each.initial_error, each.best_error, each.best_ratio,
          each.duo_scaling, each.tokens, each.skipped_candidates, each.skipped);
}
void visit_members(same_state<run_report> auto& all, auto&& visit)
{
    visit(all.model, all.mode, all.scheme, all.group_size, all.instruction_set, all.options, all.mappings, all.layers,
          all.experts, all.fallbacks, all.seconds, all.peak_rss_bytes, all.outputs, all.contents, all.parameters,
          all.source_bytes);
}

} // namespace awq

#endif
