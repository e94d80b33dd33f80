#include "polyformer/model/tokenizers/byte_pairs.h"

#include <algorithm>
#include <queue>
#include <tuple>
#include <utility>

#include "polyformer/support/error.h"
#include "polyformer/support/json.h"
#include "polyformer/support/text.h"

namespace polyformer::model {

namespace {

constexpr std::size_t kMaxMerges = std::size_t{1} << 20;

/// Throws unless a setting that we do not know is absent, null, false, 0 or empty.
void require_unset(Fields& fields, const char* key) {
    const nlohmann::json* found = fields.find(key);
    const bool unset = found == nullptr || found->is_null() || *found == false || *found == 0 ||
                       (found->is_string() && found->get<std::string>().empty());
    require<FormatError>(unset, "{}: '{}' is {}, which is not supported", fields.place(), key,
                         unset ? "" : to_text(*found));
}

std::string text_or_nothing(Fields& fields, const char* key) {
    const nlohmann::json* found = fields.find(key);
    return found == nullptr || found->is_null() ? std::string() : fields.text(key);
}

/// "left right", or a list of the two.
std::pair<std::string, std::string> pair_of(const nlohmann::json& entry, const std::string& place) {
    if (entry.is_string()) {
        const auto text = entry.get<std::string>();
        const std::size_t space = text.find(' ');
        if (space != std::string::npos && text.find(' ', space + 1) == std::string::npos) {
            return {text.substr(0, space), text.substr(space + 1)};
        }
    } else if (entry.is_array() && entry.size() == 2 && entry[0].is_string() && entry[1].is_string()) {
        return {entry[0].get<std::string>(), entry[1].get<std::string>()};
    }
    fail<FormatError>("{}: must be two pieces with a space between them, or a list of two", place);
}

}  // namespace

BytePairs::BytePairs(const nlohmann::json& document, const std::string& place)
    : vocabulary_(JsonFields(document, place).object("vocab"), place + ".vocab") {
    Fields fields(document, place);
    fields.text("type");
    fields.object("vocab");
    for (const char* key : {"dropout", "continuing_subword_prefix", "end_of_word_suffix"}) {
        require_unset(fields, key);
    }
    const std::string unknown = text_or_nothing(fields, "unk_token");
    if (!unknown.empty()) unknown_ = unknown_id(vocabulary_, unknown, place);
    fields.read("fuse_unk", fuse_unknown_);
    fields.read("ignore_merges", ignore_merges_);
    bool fallback = false;
    fields.read("byte_fallback", fallback);
    if (fallback) {
        for (unsigned byte = 0; byte < bytes_.size(); ++byte)
            bytes_[byte] = vocabulary_.find(fmt::format("<0x{:02X}>", byte));
    }
    read_merges(fields.array("merges", kMaxMerges), place + ".merges");
    fields.finish();
}

void BytePairs::read_merges(const nlohmann::json& list, const std::string& place) {
    const auto id_of = [&](const std::string& piece, std::size_t index) {
        const std::optional<std::int32_t> id = vocabulary_.find(piece);
        require<FormatError>(id.has_value(), "{}[{}]: '{}' is not in the vocabulary", place, index, printable(piece));
        return *id;
    };
    for (std::size_t i = 0; i < list.size(); ++i) {
        const auto [left, right] = pair_of(list[i], fmt::format("{}[{}]", place, i));
        merges_.push_back({id_of(left, i), id_of(right, i), static_cast<std::int32_t>(i), id_of(left + right, i)});
    }
    const auto key = [](const Merge& merge) { return std::tuple(merge.left, merge.right, -merge.rank); };
    std::ranges::sort(merges_, {}, key);
    // Of a pair that is there twice the last counts.
    merges_.erase(std::unique(merges_.begin(), merges_.end(),
                              [](const Merge& a, const Merge& b) { return a.left == b.left && a.right == b.right; }),
                  merges_.end());
}

const BytePairs::Merge* BytePairs::find(std::int32_t left, std::int32_t right) const {
    const auto found = std::ranges::lower_bound(merges_, std::pair(left, right), {},
                                                [](const Merge& merge) { return std::pair(merge.left, merge.right); });
    return found != merges_.end() && found->left == left && found->right == right ? &*found : nullptr;
}

bool BytePairs::spell(std::string_view character, std::vector<std::int32_t>& ids) const {
    const std::size_t before = ids.size();
    for (const char byte : character) {
        const std::optional<std::int32_t> id = bytes_[static_cast<unsigned char>(byte)];
        if (!id) {
            ids.resize(before);
            return false;
        }
        ids.push_back(*id);
    }
    return true;
}

std::vector<std::int32_t> BytePairs::characters_of(std::string_view word) const {
    std::vector<std::int32_t> ids;
    // What is unknown is written when the next known character, or another unknown one, shows that no more is fused
    // with it; bytes do not, as in the library.
    bool pending = false;
    while (!word.empty()) {
        std::size_t size = 1;
        while (size < word.size() && (static_cast<unsigned char>(word[size]) & 0xc0U) == 0x80U) ++size;
        const std::string_view character = word.substr(0, size);
        word.remove_prefix(size);
        if (const std::optional<std::int32_t> id = vocabulary_.find(character)) {
            if (std::exchange(pending, false)) ids.push_back(*unknown_);
            ids.push_back(*id);
        } else if (!spell(character, ids) && unknown_) {
            if (pending && !fuse_unknown_) ids.push_back(*unknown_);
            pending = true;
        }
    }
    if (pending) ids.push_back(*unknown_);
    return ids;
}

void BytePairs::encode(std::string_view word, std::vector<std::int32_t>& ids) const {
    if (ignore_merges_) {
        if (const std::optional<std::int32_t> whole = vocabulary_.find(word)) {
            ids.push_back(*whole);
            return;
        }
    }
    struct Symbol {
        std::int32_t id;
        std::size_t before;
        std::size_t after;
        bool gone = false;
    };
    const std::vector<std::int32_t> characters = characters_of(word);
    const std::size_t none = characters.size();
    std::vector<Symbol> symbols;
    for (std::size_t i = 0; i < characters.size(); ++i)
        symbols.push_back({characters[i], i == 0 ? none : i - 1, i + 1});

    // Joins that may be made: the lowest rank first, of equal ones the leftmost.
    using Entry = std::tuple<std::int32_t, std::size_t, std::int32_t>;  // rank, place, joined
    std::priority_queue<Entry, std::vector<Entry>, std::greater<>> queue;
    const auto offer = [&](std::size_t left) {
        if (left == none || symbols[left].after == none) return;
        const Merge* merge = find(symbols[left].id, symbols[symbols[left].after].id);
        if (merge != nullptr) queue.emplace(merge->rank, left, merge->merged);
    };
    for (std::size_t i = 0; i < symbols.size(); ++i) offer(i);
    while (!queue.empty()) {
        const auto [rank, place, merged] = queue.top();
        queue.pop();
        Symbol& left = symbols[place];
        if (left.gone || left.after == none) continue;
        Symbol& right = symbols[left.after];
        const Merge* merge = find(left.id, right.id);
        if (merge == nullptr || merge->merged != merged) continue;  // its symbols have been joined with others
        left.id = merged;
        left.after = right.after;
        right.gone = true;
        if (left.after != none) symbols[left.after].before = place;
        offer(left.before);
        offer(place);
    }
    for (const Symbol& symbol : symbols) {
        if (!symbol.gone) ids.push_back(symbol.id);
    }
}

}  // namespace polyformer::model
