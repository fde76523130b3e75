-- Finds the passages that fit a question and says how well: one row a passage, `id` and `fit`.
--
-- A question is a list of concepts; each concept has its own words and synonyms, one phrase each.
--   :concepts, :phrases, :weights   parallel arrays: whose phrase, its words, 1 for the concept's own words
--   :field_weights                  what a word counts in the text, -, the title and tags, the heading
--   :similar                        what a word counts that is only spelled like one of the passage
--   :fewest_passages                a small knowledge base is taken to have this many
--   :most_concepts                  a passage that holds so many of a long question's concepts holds all
WITH phrase AS MATERIALIZED (
    SELECT concept, words, weight, phraseto_tsquery('english', words) AS query
    FROM unnest(CAST(:concepts AS integer[]), CAST(:phrases AS text[]), CAST(:weights AS float8[]))
        AS given (concept, words, weight)
),
-- Stop words and signs leave nothing to search for.
sought AS MATERIALIZED (
    SELECT concept, words, weight, query FROM phrase WHERE numnode(query) > 0
),
said AS (
    SELECT sought.concept, sought.query, passages.id,
        sought.weight
            * ts_rank(CAST(:field_weights AS float4[]), passages.search, sought.query) AS strength
    FROM sought JOIN passages ON passages.search @@ sought.query
),
-- A concept that no passage speaks of may be mistyped: trigrams find the word that was meant.
misspelled AS (
    SELECT sought.concept, sought.query, passages.id,
        :similar * greatest(
            strict_word_similarity(sought.words, passages.heading),
            strict_word_similarity(sought.words, passages.subject),
            strict_word_similarity(sought.words, passages.text)
        ) AS strength
    FROM sought JOIN passages ON
        sought.words <<% passages.heading
        OR sought.words <<% passages.subject
        OR sought.words <<% passages.text
    WHERE sought.weight = 1
        AND length(sought.words) > 3
        AND sought.concept NOT IN (SELECT concept FROM said)
),
hit AS (
    SELECT * FROM said UNION ALL SELECT * FROM misspelled
),
corpus AS (
    SELECT greatest(count(*), :fewest_passages) AS passages FROM passages
),
-- BM25's inverse document frequency, as a share of that of a word which no passage holds.
rarity AS (
    SELECT concept, query,
        ln(1 + (corpus.passages - count(DISTINCT id) + 0.5) / (count(DISTINCT id) + 0.5))
            / ln(1 + (corpus.passages + 0.5) / 0.5) AS share
    FROM hit CROSS JOIN corpus
    GROUP BY concept, query, corpus.passages
),
-- Of a concept's phrases, the one that says most counts.
gain AS (
    SELECT hit.concept, hit.id, max(hit.strength * rarity.share) AS gain
    FROM hit JOIN rarity USING (concept, query)
    GROUP BY hit.concept, hit.id
)
SELECT gain.id,
    CAST(
        sum(gain.gain) * least(
            1, count(*) / least(:most_concepts, (SELECT count(DISTINCT concept) FROM sought))::float8
        ) AS float8
    ) AS fit
FROM gain
GROUP BY gain.id
