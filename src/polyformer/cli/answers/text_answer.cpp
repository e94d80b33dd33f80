#include "polyformer/cli/answers/text_answer.h"

#include "polyformer/cli/answers/documents.h"
#include "polyformer/cli/answers/embeddings.h"
#include "polyformer/cli/answers/rewritten.h"
#include "polyformer/support/error.h"

namespace polyformer::cli {

ShownAnswer show(const AnswerSource& source) {
    switch (source.client.output()) {
        case model::TextOutput::embedding:
            return show_embeddings(source);
        case model::TextOutput::documents:
            return show_documents(source);
        case model::TextOutput::tokens:
            return show_rewritten(source);
        default:
            fail("likely words and classes are shown as such");
    }
}

bool is_shown_by_kind(model::TextOutput output) {
    return output != model::TextOutput::next_token && output != model::TextOutput::classes;
}

}  // namespace polyformer::cli
