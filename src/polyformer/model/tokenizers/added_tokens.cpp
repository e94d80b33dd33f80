#include "polyformer/model/tokenizers/added_tokens.h"

#include <algorithm>

#include "polyformer/model/graph/limits.h"
#include "polyformer/model/tokenizers/words/characters.h"
#include "polyformer/support/error.h"
#include "polyformer/support/json.h"
#include "polyformer/support/text.h"

namespace polyformer::model {

namespace {

constexpr std::size_t kMaxAdded = 65536;
constexpr std::size_t kMaxContent = 1024;  // bytes

AddedToken read_token(const nlohmann::json& document, const std::string& place) {
    Fields fields(document, place);
    AddedToken token;
    token.content = fields.text("content");
    require<FormatError>(token.content.size() <= kMaxContent && is_utf8(token.content),
                         "{}: 'content' must be at most {} bytes of UTF-8", place, kMaxContent);
    token.id = static_cast<std::int32_t>(fields.count("id", kMaxFeatures - 1));
    fields.read("special", token.special);
    token.normalized = !token.special;
    fields.read("single_word", token.single_word);
    fields.read("lstrip", token.strip_left);
    fields.read("rstrip", token.strip_right);
    fields.read("normalized", token.normalized);
    fields.finish();
    return token;
}

bool is_inside_word(std::string_view text, std::size_t begin, std::size_t end) {
    return is_word_character(previous_character(text, begin)) || is_word_character(next_character(text, end));
}

/// Where the white space begins that ends at `end`.
std::size_t before_white_space(std::string_view text, std::size_t end) {
    for (std::size_t begin = end; is_white_space(previous_character(text, begin));) end = begin;
    return end;
}

std::size_t behind_white_space(std::string_view text, std::size_t begin) {
    for (std::size_t end = begin; is_white_space(next_character(text, end));) begin = end;
    return begin;
}

}  // namespace

AddedTokens::AddedTokens(const nlohmann::json& list, const std::string& place, const Vocabulary& vocabulary,
                         const Normalizer& normalizer) {
    require<FormatError>(list.is_array() && list.size() <= kMaxAdded, "{}: must be a list of at most {} tokens", place,
                         kMaxAdded);
    std::size_t free = vocabulary.pieces();
    for (std::size_t i = 0; i < list.size(); ++i) {
        const std::string here = fmt::format("{}[{}]", place, i);
        AddedToken token = read_token(list[i], here);
        if (token.content.empty()) continue;
        const std::optional<std::int32_t> known = vocabulary.find(token.content);
        const auto expected = known ? static_cast<std::size_t>(*known) : free;
        require<FormatError>(static_cast<std::size_t>(token.id) == expected, "{}: '{}' has the id {}, but {} {}", here,
                             printable(token.content), token.id,
                             known ? "in the vocabulary" : "the next one that is free is", expected);
        require<FormatError>(known || expected >= vocabulary.size(),
                             "{}: '{}' has the id {}, which lies inside a vocabulary with gaps: not supported", here,
                             printable(token.content), token.id);
        require<FormatError>(find(token.content) == nullptr, "{}: '{}' is there twice", here, printable(token.content));
        if (!known) ++free;
        by_content_.emplace(token.content, tokens_.size());
        by_id_.emplace(token.id, tokens_.size());
        tokens_.push_back(std::move(token));
        AddedToken& added = tokens_.back();
        added.spelling = added.normalized ? normalizer.apply(added.content) : added.content;
        insert(added.normalized ? normalized_ : original_, added.spelling, tokens_.size() - 1);
    }
}

const AddedToken* AddedTokens::find(std::int32_t id) const {
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? nullptr : &tokens_[found->second];
}

const AddedToken* AddedTokens::find(std::string_view content) const {
    const auto found = by_content_.find(content);
    return found == by_content_.end() ? nullptr : &tokens_[found->second];
}

void AddedTokens::insert(Tree& tree, std::string_view content, std::size_t index) {
    if (content.empty()) return;
    std::size_t node = 0;
    for (const char byte : content) {
        const auto [next, fresh] = tree[node].next.emplace(byte, tree.size());
        node = next->second;
        if (fresh) tree.emplace_back();
    }
    if (tree[node].token == 0) tree[node].token = index + 1;
}

/// Bytes and the token's index + 1; 0 for none.
std::pair<std::size_t, std::size_t> AddedTokens::longest_match(const Tree& tree, std::string_view text) {
    std::pair<std::size_t, std::size_t> found{0, 0};
    std::size_t node = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto next = tree[node].next.find(text[i]);
        if (next == tree[node].next.end()) break;
        node = next->second;
        if (tree[node].token != 0) found = {i + 1, tree[node].token};
    }
    return found;
}

std::vector<TextPart> AddedTokens::split(std::string_view text, bool normalized) const {
    const Tree& tree = normalized ? normalized_ : original_;
    std::vector<TextPart> parts;
    if (tree.size() == 1) {
        if (!text.empty()) parts.push_back({text, {}});
        return parts;
    }
    std::size_t done = 0;
    for (std::size_t at = 0; at < text.size();) {
        const auto [size, index] = longest_match(tree, text.substr(at));
        if (index == 0) {
            ++at;
            continue;
        }
        const AddedToken& token = tokens_[index - 1];
        std::size_t begin = at;
        std::size_t end = at + size;
        at = end;
        if (token.single_word && is_inside_word(text, begin, end)) continue;
        if (token.strip_left) begin = std::max(before_white_space(text, begin), done);
        if (token.strip_right) end = behind_white_space(text, end);
        if (done < begin) parts.push_back({text.substr(done, begin - done), {}});
        parts.push_back({text.substr(begin, end - begin), token.id});
        done = end;
    }
    if (done < text.size()) parts.push_back({text.substr(done), {}});
    return parts;
}

}  // namespace polyformer::model
