/*
 * What makes two spellings of a name one, and what only looks alike.  Put
 * together by hand; docs/DESIGN-people.md says from what, and why a row is
 * in this table or in that one.  Nothing here decides anything.
 */
#include "signer/cert/name_parts.h"

#include "base/err.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#define PAIRS_MAX 1024

/* clang-format off */

/* Groups of one character each, the usual form first.  Forms that Unicode
 * itself makes one (compatibility ideographs) need no row. */
static const char same_characters[] =
    /* 常用漢字表 (2010): the 康熙字典体 in brackets */
    "亜亞 悪惡 圧壓 囲圍 医醫 為爲 壱壹 隠隱 栄榮 営營 衛衞 駅驛 円圓 塩鹽 "
    "縁緣 艶艷 応應 欧歐 殴毆 桜櫻 奥奧 横橫 温溫 穏穩 仮假 価價 画畫 会會 "
    "絵繪 懐懷 壊壞 拡擴 殻殼 覚覺 学學斈 岳嶽 楽樂 渇渴 缶罐 巻卷 陥陷 勧勸 "
    "寛寬 関關 歓歡 観觀 既旣 気氣 亀龜 帰歸 偽僞 犠犧 戯戲 旧舊 拠據 挙擧 "
    "虚虛 峡峽 挟挾 狭狹 教敎 郷鄕鄉 暁曉 区區 駆驅 勲勳 薫薰 径徑 茎莖 恵惠 "
    "掲揭 渓溪 経經 蛍螢 軽輕 継繼 鶏鷄 芸藝 撃擊 欠缺 県縣 倹儉 剣劍 険險 "
    "圏圈 検檢 献獻 研硏 権權 顕顯 験驗 厳嚴 戸戶户 呉吳 娯娛 効效 広廣 恒恆 "
    "黄黃 鉱鑛 号號 告吿 国國圀 黒黑 砕碎 済濟 斎齋 剤劑 雑雜 桟棧 参參 惨慘 "
    "蚕蠶 賛贊 残殘 糸絲 歯齒 児兒 辞辭 湿濕 実實 写寫 舎舍 釈釋 寿壽 収收 "
    "従從 渋澁 獣獸 縦縱 粛肅 処處 緒緖 叙敍 将將 称稱 渉涉 焼燒 証證 奨奬 "
    "条條 状狀 乗乘 浄淨 剰剩 畳疊 縄繩 壌壤 嬢孃 譲讓 醸釀 触觸 嘱囑 真眞 "
    "寝寢 慎愼 尽盡 図圖 粋粹 酔醉 穂穗 随隨 髄髓 枢樞 数數 瀬瀨 声聲 斉齊 "
    "青靑 静靜 清淸 税稅 説說 窃竊 摂攝 専專 浅淺 戦戰 践踐 銭錢 潜潛 繊纖 "
    "禅禪 双雙 壮壯 争爭 荘莊 捜搜 挿插 巣巢 曽曾 装裝 総總 騒騷 増增 蔵藏 "
    "臓臟 即卽 属屬 続續 堕墮 対對 体體 帯帶 滞滯 台臺 滝瀧 択擇 沢澤 担擔 "
    "単單 胆膽 団團 断斷 弾彈 遅遲 痴癡 虫蟲 昼晝 鋳鑄 庁廳 徴徵 聴聽 勅敕 "
    "鎮鎭 逓遞 鉄鐵鐡銕 点點 転轉 伝傳 灯燈 当當 党黨 盗盜 稲稻 闘鬭 徳德 "
    "独獨 読讀 届屆 弐貳 悩惱 脳腦 覇霸 拝拜 廃廢 売賣 麦麥 発發 髪髮 抜拔 "
    "晩晚 蛮蠻 秘祕 浜濱濵 賓賔 瓶甁 払拂 仏佛 併倂 並竝 辺邊邉 変變 "
    "弁辨瓣辯 歩步 宝寶寳 豊豐 褒襃 没沒 翻飜 毎每 万萬 満滿 麺麵 黙默 弥彌 "
    "訳譯 薬藥 与與 予豫 余餘 誉譽 揺搖 様樣 謡謠 来來 頼賴 乱亂 覧覽 竜龍 "
    "両兩 猟獵 緑綠 塁壘 励勵 霊靈 隷隸 齢齡 暦曆 歴歷 恋戀 炉爐 労勞 郎郞 "
    "楼樓 録錄 湾灣 礼禮 産產 顔顏 悦悅 鋭銳 脱脫 閲閱 "
    /* 戸籍法施行規則 別表第二 (人名用漢字): pairs that it lists */
    "亘亙 凜凛 尭堯 巌巖 晃晄 桧檜 槙槇 祢禰 禄祿 穣穰 萌萠 遥遙 島嶋嶌 "
    "峰峯 "
    /* 俗字・異体字 in use in family registers: one character, written
     * otherwise */
    "高髙 崎﨑嵜 吉𠮷 土圡𡈽 富冨 館舘 柳栁 桑桒 柏栢 松枩 淵渕渊 籠篭 喜㐂 "
    "秋穐秌龝 野埜 村邨 船舩 梅楳 鶴靍靏靎 鴎鷗 芦蘆 藪薮 尚尙 柵栅 彦彥 凉涼 "
    "準凖 沖冲 決决 減减 熙煕凞 晋晉 梼檮 濤涛 瑶瑤 皐皋 祷禱 竪豎 繋繫 翠翆 "
    "聡聰 莱萊 蒋蔣 虎乕 蛎蠣 蝉蟬 讃讚 鉤鈎 隣鄰 雁鴈 頬頰 騨驒 鴬鶯 麹麴 "
    "哲喆 啓啟 壺壷 姫姬 姉姊 昂昻 昇曻 橋槗𣘺 氷冰 涌湧 煙烟 爾尔 珍珎 留畄畱 "
    "略畧 群羣 耕畊 肇肈 脇𦚰 兎兔 裏裡 間閒 泰𣳾 往徃 最冣 恥耻 "
    "稚穉 草艸 ";

/* Groups of characters that are others, each in names of its own, and are
 * taken for each other by people, keyboards and scanners. */
static const char like_characters[] =
    /* other characters, often confused in writing a name */
    "斎斉 崎埼碕 坂阪 州洲 芦葦 藪籔 祇祗衹 己已巳 土士 未末 参三 "
    "菅管 藤籐 園薗 畑畠 磯礒 刈苅 栖棲 盃杯 旗籏 凌淩 "
    /* kanji, kana and marks of one shape */
    "カ力 ニ二弐 ハ八 ロ口 エ工ヱ タ夕 ト卜 ー一壱 "
    /* kana that sound alike or stand for a kanji */
    "ケガ箇个 ノ之乃 ズヅ ジヂ イヰ オヲ ";

struct word {
	const char *text; /* in usual characters, as name_fold leaves them */
	const char *full; /* what it is short for, or NULL */
};

static const struct word forms[] = {
    {"株式会社", NULL}, {"(株)", "株式会社"},
    {"有限会社", NULL}, {"(有)", "有限会社"},
    {"合同会社", NULL}, {"(同)", "合同会社"}, {"(合同)", "合同会社"},
    {"合資会社", NULL}, {"(資)", "合資会社"},
    {"合名会社", NULL}, {"(名)", "合名会社"},
    {"税理士法人", NULL}, {"(税)", "税理士法人"},
    {"監査法人", NULL}, {"(監)", "監査法人"},
    {"弁護士法人", NULL}, {"(弁)", "弁護士法人"},
    {"司法書士法人", NULL}, {"(司)", "司法書士法人"},
    {"行政書士法人", NULL}, {"(行)", "行政書士法人"},
    {"社会保険労務士法人", NULL}, {"社労士法人", "社会保険労務士法人"},
    {"(社労)", "社会保険労務士法人"},
    {"土地家屋調査士法人", NULL}, {"特許業務法人", NULL},
    {"弁理士法人", NULL},
    {"医療法人社団", NULL}, {"医療法人財団", NULL}, {"医療法人", NULL},
    {"(医)", "医療法人"},
    {"一般社団法人", NULL}, {"(一社)", "一般社団法人"},
    {"一般財団法人", NULL}, {"(一財)", "一般財団法人"},
    {"公益社団法人", NULL}, {"(公社)", "公益社団法人"},
    {"公益財団法人", NULL}, {"(公財)", "公益財団法人"},
    {"社会福祉法人", NULL}, {"(福)", "社会福祉法人"},
    {"(社福)", "社会福祉法人"},
    {"学校法人", NULL}, {"(学)", "学校法人"},
    {"宗教法人", NULL}, {"(宗)", "宗教法人"},
    {"特定非営利活動法人", NULL}, {"npo法人", "特定非営利活動法人"},
    {"(特非)", "特定非営利活動法人"},
    {"農事組合法人", NULL}, {"(農)", "農事組合法人"},
    {"有限責任事業組合", NULL}, {"事業協同組合", NULL},
    {"企業組合", NULL}, {"協同組合", NULL},
};

static const struct word titles[] = {
    {"代表取締役社長", NULL}, {"代表取締役会長", NULL}, {"代表取締役", NULL},
    {"取締役社長", NULL}, {"取締役", NULL}, {"代表執行役", NULL},
    {"代表社員", NULL}, {"業務執行社員", NULL}, {"社員税理士", NULL},
    {"所属税理士", NULL}, {"代表理事", NULL}, {"理事長", NULL},
    {"代表者", NULL}, {"代表役員", NULL}, {"清算人", NULL},
    {"税理士", NULL}, {"公認会計士", NULL}, {"弁護士", NULL},
    {"特定社会保険労務士", NULL}, {"社会保険労務士", NULL},
    {"社労士", NULL}, {"行政書士", NULL}, {"司法書士", NULL},
    {"弁理士", NULL}, {"土地家屋調査士", NULL}, {"中小企業診断士", NULL},
    {"支配人", NULL}, {"代理人", NULL}, {"事業主", NULL},
};

static const struct word offices[] = {
    {"公認会計士税理士事務所", NULL}, {"税理士会計事務所", NULL},
    {"公認会計士事務所", NULL}, {"会計事務所", NULL},
    {"税理士事務所", NULL}, {"税務会計事務所", NULL},
    {"社会保険労務士事務所", NULL}, {"社労士事務所", NULL},
    {"労務管理事務所", NULL}, {"行政書士事務所", NULL},
    {"司法書士事務所", NULL}, {"法律事務所", NULL},
    {"特許事務所", NULL}, {"総合事務所", NULL}, {"事務所", NULL},
    {"商店", NULL}, {"酒店", NULL}, {"工務店", NULL}, {"書店", NULL},
    {"製作所", NULL}, {"鉄工所", NULL}, {"工業所", NULL}, {"建設", NULL},
    {"医院", NULL}, {"クリニック", NULL}, {"歯科", NULL}, {"薬局", NULL},
    {"農園", NULL}, {"農場", NULL}, {"堂", NULL}, {"屋", NULL},
};

static const struct word branches[] = {
    {"事務所", NULL}, {"支店", NULL}, {"支社", NULL}, {"本店", NULL},
    {"本社", NULL}, {"営業所", NULL}, {"支部", NULL}, {"会計", NULL},
    {"総合", NULL}, {"税務", NULL}, {"法務", NULL}, {"労務", NULL},
    {"経営", NULL}, {"東京", NULL}, {"大阪", NULL}, {"商店", NULL},
    {"商会", NULL}, {"工業", NULL}, {"建設", NULL}, {"センター", NULL},
    {"グループ", NULL}, {"パートナーズ", NULL}, {"オフィス", NULL},
};

static const struct word honorifics[] = {
    {"様", NULL}, {"殿", NULL}, {"先生", NULL}, {"氏", NULL},
};
/* clang-format on */

static const struct {
	const struct word *list;
	size_t count;
} words[] = {
    [NAME_FORMS] = {forms, sizeof forms / sizeof *forms},
    [NAME_TITLES] = {titles, sizeof titles / sizeof *titles},
    [NAME_OFFICES] = {offices, sizeof offices / sizeof *offices},
    [NAME_BRANCHES] = {branches, sizeof branches / sizeof *branches},
    [NAME_HONORIFICS] = {honorifics, sizeof honorifics / sizeof *honorifics},
};

struct pair {
	uint32_t from, to;
};

struct index {
	struct pair pair[PAIRS_MAX];
	size_t count;
};

static int
by_character(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	return x->from < y->from ? -1 : x->from > y->from;
}

/* The groups of a table as pairs in order, made once. */
static void
make_index(struct index *x, const char *groups)
{
	struct slice s = slice_str(groups);
	uint32_t first = 0, cp = 0;

	while (s.len > 0) {
		size_t n = text_utf8_next(s, &cp);

		if (n == 0 || x->count == PAIRS_MAX)
			BUG("table of characters");
		if (cp == ' ')
			first = 0;
		else if (first == 0)
			first = cp;
		else
			x->pair[x->count++] = (struct pair){cp, first};
		s = slice_of(s.p + n, s.len - n);
	}
	qsort(x->pair, x->count, sizeof *x->pair, by_character);
}

static uint32_t
look_up(const struct index *x, uint32_t cp)
{
	struct pair key = {cp, 0};
	const struct pair *found =
	    bsearch(&key, x->pair, x->count, sizeof *x->pair, by_character);

	return found == NULL ? cp : found->to;
}

uint32_t
name_same_character(uint32_t cp)
{
	static struct index x;

	if (x.count == 0)
		make_index(&x, same_characters);
	return look_up(&x, cp);
}

uint32_t
name_like_character(uint32_t cp)
{
	static struct index x;

	if (x.count == 0)
		make_index(&x, like_characters);
	return look_up(&x, cp);
}

/* Characters of a word if the name has it there, else 0. */
static unsigned
matches(const char *word, const struct name_chars *c, unsigned at)
{
	struct slice s = slice_str(word);
	unsigned n = 0;
	uint32_t cp = 0;

	for (; s.len > 0; n++) {
		size_t len = text_utf8_next(s, &cp);

		if (len == 0 || at + n >= c->n || c->c[at + n].cp != cp)
			return 0;
		s = slice_of(s.p + len, s.len - len);
	}
	return n;
}

unsigned
name_word_at(enum name_words kind, const struct name_chars *c, unsigned at,
    const char **word)
{
	unsigned longest = 0;

	for (size_t i = 0; i < words[kind].count; i++) {
		const struct word *w = &words[kind].list[i];
		unsigned n = matches(w->text, c, at);

		if (n <= longest)
			continue;
		longest = n;
		*word = w->full != NULL ? w->full : w->text;
	}
	return longest;
}

unsigned
name_word_before(enum name_words kind, const struct name_chars *c, unsigned n,
    const char **word)
{
	struct name_chars head = *c;

	head.n = n;
	for (unsigned at = 0; at < n; at++) {
		unsigned len = name_word_at(kind, &head, at, word);

		if (len > 0 && at + len == n)
			return len;
	}
	return 0;
}
