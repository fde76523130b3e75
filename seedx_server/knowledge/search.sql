-- Finds the passages that fit a question, and how well: one row per passage, `id` and `fit`.
--
-- A question is a list of concepts; each has one phrase for its own words and one per synonym.
--   :concepts, :phrases, :weights   parallel arrays: the phrase's concept, words and weight (1: its own words)
--   :field_weights                  weights of a word in the text, (unused), title and tags, heading
--   :similar                        weight of a word that is only spelled like one in the passage
--   :fewest_passages                a smaller knowledge base counts as having this many
--   :most_concepts                  a passage with this many of a long question's concepts counts as having all
WITH phrase AS MATERIALIZED (
    SELECT concept, words, weight, phraseto_tsquery('english', words) AS query
    FROM unnest(CAST(:concepts AS integer[]), CAST(:phrases AS text[]), CAST(:weights AS float8[]))
        AS given (concept, words, weight)
),
-- Stop words and punctuation leave nothing to search for.
sought AS MATERIALIZED (
    SELECT concept, words, weight, query FROM phrase WHERE numnode(query) > 0
),
said AS (
    SELECT sought.concept, sought.query, passages.id,
        sought.weight
            * ts_rank(CAST(:field_weights AS float4[]), passages.search, sought.query) AS strength
    FROM sought JOIN passages ON passages.search @@ sought.query
),
-- A concept that no passage mentions may be mistyped: trigrams find the intended word.
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
-- BM25's inverse document frequency, as a share of that of a word that is in no passage.
rarity AS (
    SELECT concept, query,
        ln(1 + (corpus.passages - count(DISTINCT id) + 0.5) / (count(DISTINCT id) + 0.5))
            / ln(1 + (corpus.passages + 0.5) / 0.5) AS share
    FROM hit CROSS JOIN corpus
    GROUP BY concept, query, corpus.passages
),
-- Only the strongest of a concept's phrases counts.
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
