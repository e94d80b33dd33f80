#include "polyformer/tasks/task.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "polyformer/support/error.h"
#include "polyformer/support/system/atomic_file.h"
#include "polyformer/tasks/table.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"

namespace polyformer::tasks {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::vector<std::string>> rows_of(const std::string& text, const std::string& kind = ".csv") {
    return parse_table(text, "'t'", kind).rows;
}

TEST(Table, CommasQuotesAndLineBreaks) {
    EXPECT_THAT(rows_of("text,label\r\n\"a, \"\"b\"\"\nc\",x\r\n\r\nd,\"\"\n"),
                ElementsAre(ElementsAre("text", "label"), ElementsAre("a, \"b\"\nc", "x"), ElementsAre("d", "")));
    EXPECT_THAT(rows_of("\xEF\xBB\xBF"
                        "a,b"),
                ElementsAre(ElementsAre("a", "b")));
    EXPECT_TRUE(rows_of("").empty());
    EXPECT_THAT(message_of([] { rows_of("a,b\nc,\"d"); }), HasSubstr("'t', line 2: not comma-separated"));
    EXPECT_THROW(rows_of("a,b\"c\"\n"), FormatError);
    EXPECT_THAT(message_of([] { rows_of("a\nb\xE9,c"); }), HasSubstr("'t', line 2: a byte (0xe9) is no UTF-8"));
}

TEST(Table, TabsAreNotQuoted) {
    EXPECT_THAT(rows_of("ham\tHe said \"no\n\n\tx\r\n"),
                ElementsAre(ElementsAre("ham", "He said \"no"), ElementsAre("", "x")));
}

TEST(Table, ObjectsAreRows) {
    EXPECT_THAT(rows_of("{\"label\": 3, \"list\": [1], \"text\": \"a\"}\n\n{\"text\": \"b\"}\n", ".jsonl"),
                ElementsAre(ElementsAre("label", "text"), ElementsAre("3", "a"), ElementsAre("", "b")));
    EXPECT_THAT(message_of([] { rows_of("{}\n[1]\n", ".jsonl"); }), HasSubstr("'t', line 2: a line"));
    EXPECT_THAT(message_of([] { rows_of("{}\n{\n", ".jsonl"); }), HasSubstr("line 2"));
}

class TaskFiles : public testing::Test {
  protected:
    std::filesystem::path file(const std::string& name, const std::string& text) {
        std::filesystem::create_directories((folder_ / name).parent_path());
        write_file(folder_ / name, text);
        return folder_ / name;
    }
    const TemporaryFolder& folder() const { return folder_; }

  private:
    TemporaryFolder folder_;
};

TEST_F(TaskFiles, ColumnsAreFoundByName) {
    const auto pairs =
        std::get<SentencePairs>(read_task(file("a.csv", "score,Sentence1,sentence2\n4.5,a b,c\n0,d,\"e, f\"\n")));
    EXPECT_THAT(pairs.first, ElementsAre("a b", "d"));
    EXPECT_THAT(pairs.second, ElementsAre("c", "e, f"));
    EXPECT_THAT(pairs.scores, ElementsAre(4.5, 0));
    const auto labelled = std::get<LabelledTexts>(read_task(file("b.csv", "text,category\nhello,x\n")));
    EXPECT_THAT(labelled.texts, ElementsAre("hello"));
    EXPECT_THAT(labelled.labels, ElementsAre("x"));
    const auto rewritten = std::get<RewrittenTexts>(read_task(file("c.csv", "text,expected\nQVQ,EVQ\n")));
    EXPECT_THAT(rewritten.expected, ElementsAre("EVQ"));
}

TEST_F(TaskFiles, ColumnsWithoutNamesAreToldByWhatIsInThem) {
    const auto pairs = std::get<SentencePairs>(read_task(
        file("sts.csv", "main\tMSR\t2012\t0001\t2.5\tA \"man\" is\tA woman\nmain\tx\t2012\t2\t5\tb\tc\td\n")));
    EXPECT_THAT(pairs.first, ElementsAre("A \"man\" is", "b"));
    EXPECT_THAT(pairs.scores, ElementsAre(2.5, 5));
    const auto spam = std::get<LabelledTexts>(read_task(file("sms", "ham\tHi, you\nspam\tWIN!\n")));
    EXPECT_THAT(spam.texts, ElementsAre("Hi, you", "WIN!"));
    EXPECT_THAT(spam.labels, ElementsAre("ham", "spam"));
}

TEST_F(TaskFiles, ColumnsMayBeNamed) {
    const auto path = file("x.tsv", "1\tsome text\t0.5\tother text\n");
    const auto pairs = std::get<SentencePairs>(read_task(path, "test", parse_columns("first=2,second=4,score=3")));
    EXPECT_THAT(pairs.second, ElementsAre("other text"));
    EXPECT_THAT(message_of([&] { read_task(path); }), HasSubstr("--columns text=2,label=1"));
    EXPECT_THAT(message_of([&] { read_task(path, "test", parse_columns("text=5,label=1")); }), HasSubstr("4 columns"));
    const auto named = file("y.tsv", "id\tbody\tkind\n1\tabc\tk\n");
    EXPECT_THAT(read_labelled_texts(named, parse_columns("text=body,label=kind")).texts, ElementsAre("abc"));
    EXPECT_THAT(message_of([&] { read_labelled_texts(named, parse_columns("text=nobody,label=1")); }),
                HasSubstr("no column 'nobody', only 'id', 'body', 'kind'"));
    EXPECT_THROW(parse_columns("text"), Error);
    EXPECT_THROW(parse_columns("colour=1"), Error);
}

TEST_F(TaskFiles, WhatDoesNotFitIsNamed) {
    EXPECT_THAT(message_of([&] { read_task(file("a.csv", "score,sentence1,sentence2\nhigh,a,b\n")); }),
                HasSubstr("row 2: the score is 'high'"));
    EXPECT_THAT(message_of([&] { read_task(file("b.csv", "text,label\nonly\n")); }), HasSubstr("row 2 has 1 cells"));
    EXPECT_THAT(message_of([&] { read_task(file("c.csv", "text,label\na,\n")); }), HasSubstr("row 2 has no label"));
    EXPECT_THAT(message_of([&] { read_task(file("d.csv", "")); }), HasSubstr("is empty"));
    EXPECT_THROW(read_task(folder() / "nowhere.csv"), IoError);
}

TEST_F(TaskFiles, RetrievalAsBeirHasIt) {
    file("r/corpus.jsonl",
         "{\"_id\": \"d1\", \"title\": \"One\", \"text\": \"first\", \"metadata\": {}}\n"
         "{\"_id\": \"d2\", \"title\": \"\", \"text\": \"second\"}\n");
    file("r/queries.jsonl", "{\"_id\": \"q1\", \"text\": \"which?\"}\n{\"_id\": \"q9\", \"text\": \"not judged\"}\n");
    file("r/qrels/test.tsv", "query-id\tcorpus-id\tscore\nq1\td2\t1\nq1\td1\t0\n");
    const auto task = std::get<Retrieval>(read_task(folder() / "r"));
    ASSERT_EQ(task.documents.size(), 2U);
    EXPECT_EQ(task.documents[0].whole(), "One first");
    EXPECT_EQ(task.documents[1].whole(), "second");
    EXPECT_THAT(task.queries, ElementsAre("which?"));
    EXPECT_EQ(task.relevance.front(), (std::map<std::size_t, double>{{1, 1.0}}));
    EXPECT_THAT(message_of([&] { read_task(folder() / "r", "dev"); }), HasSubstr("dev.tsv"));
    file("r/qrels/test.tsv", "query-id\tcorpus-id\tscore\nq1\td3\t1\n");
    EXPECT_THAT(message_of([&] { read_task(folder() / "r"); }), HasSubstr("row 2: there is no document 'd3'"));
    file("r/qrels/test.tsv", "query-id\tcorpus-id\tscore\nq2\td1\t1\n");
    EXPECT_THAT(message_of([&] { read_task(folder() / "r"); }), HasSubstr("the query 'q2'"));
    file("r/corpus.jsonl", "{\"_id\": \"d\", \"text\": \"a\"}\n{\"_id\": \"d\", \"text\": \"b\"}\n");
    EXPECT_THAT(message_of([&] { read_documents(folder() / "r/corpus.jsonl"); }), HasSubstr("two documents 'd'"));
}

}  // namespace
}  // namespace polyformer::tasks
