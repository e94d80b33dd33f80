// What a study found, for people: a page for the browser and tables for the terminal.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace polyformer::train {

/// One HTML file that needs nothing else: report.html with the study's JSON in it, every number at six
/// significant digits (it draws fewer), every variant summarised. Throws FormatError as check_study() does.
std::string render_report(const nlohmann::ordered_json& study);

/// The inverse: the study in a page of render_report(), rounded and summarised as it is there. `label` names the page
/// in messages. Throws FormatError for a page that holds none, and for damaged JSON.
nlohmann::ordered_json study_in_report(std::string_view page, const std::string& label);

/// The tables of the study as aligned plain text: mean ± standard deviation of the perplexity, or of the accuracy in
/// percent, at each stage, in brackets the difference (of perplexities in percent, of accuracies in percentage points)
/// to the baseline at that stage or the last before it that the baseline has, diverged runs named. Empty when the study
/// defines no tables. Throws FormatError as check_study() does.
std::string describe_tables(const nlohmann::ordered_json& study);

}  // namespace polyformer::train
