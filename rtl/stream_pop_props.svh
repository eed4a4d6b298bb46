// What stream_pop promises, for scripts/prove: among banks that answer whenever they like, one block,
// any one, is followed from its bank through the port to the kernel and back.
//
//@ proof short induction 2 sat,ind NumBanks=2 SlabW=1 SlabWidth=8 Ahead=16 Places=8 +g_bank[0].u_answers:sync_fifo
//@ see fv_queue0 g_bank[0].u_answers.fv_queue_q
//@ see fv_queue1 g_bank[1].u_answers.fv_queue_q
//@ see fv_masks u_masks.fv_queue_q
//@ see fv_count0 g_bank[0].u_answers.fv_count_q
//@ see fv_count1 g_bank[1].u_answers.fv_count_q
//@ see fv_masks_count u_masks.fv_count_q
//@ stable: a token offered stays offered, unchanged, until it is taken, or is given back when that was asked for
//@ wrong: s/else if \(m_axis_tready_i \|\| withdraw\) begin/else begin/
//@ once: what is offered or given back is a block the port was granted and has not offered or given back since:
//@   no block is in two hands
//@ wrong: s/e_bits_q  <= e_bits_q & ~lowest\[QuarterW-1:0\];//
//@ inside: a block granted and not yet offered or given back is in the port exactly once, any other not at all:
//@   none is lost
//@ wrong: s/\(e_take\),/(e_take \|\| (p_bad_q \&\& mask_valid)),/
//@ held: held_o is the number of blocks that wait in the port, but for the change of the last cycle
//@ wrong: s/\(give_back \? 6'\(e_count_q\) : 6'\(give\)\)/6'(give)/
//@ whole: a mask given back has as many blocks as it says, at least one
//@ wrong: s/e_count_q <= e_count_q - 5'd1;//
//@ room: a grant is asked for only when there is a place for its answer: no queue runs over
//@ wrong: s/Places - 4/Places - 2/
//@ stop: once it is switched off nothing more is asked for
//@ wrong: s/state_q == StRun && enable_i && want_q/(state_q == StRun || state_q == StDrain) \&\& want_q/
//@ home: when the port says that it is off it has no block but the one offered, not even that if it is to be taken
//@   back, and no answer is on its way
//@ wrong: s/unknown_zero && !ask_valid_o/!ask_valid_o/
//@ drains: switched off, all answers there and everything taken that is given back, each cycle brings it
//@   nearer to off: nothing is withheld
//@ wrong: s/if \(unknown_zero && !ask_valid_o\)/if (unknown_zero \&\& !ask_valid_o \&\& !e_valid_q)/

localparam int unsigned FvAnswerW = 4 + MaskW;
localparam int unsigned FvMaskW   = 5 + MaskW;

(* anyseq *) logic [Places*FvAnswerW-1:0] fv_queue0, fv_queue1;
(* anyseq *) logic [Places*FvMaskW-1:0] fv_masks;
(* anyseq *) logic [PlaceW:0] fv_count0, fv_count1, fv_masks_count;

// Grants asked for and not yet answered; an answer brings blocks exactly if it grants.
logic [NumBanks*6-1:0] fv_asked_q;
logic [NumBanks-1:0] fv_answers_ok;
always_comb begin
  for (int unsigned b = 0; b < NumBanks; b++) begin
    fv_answers_ok[b] = !rsp_valid_i[b] || (fv_asked_q[b*6 +: 6] != '0 &&
        (rsp_status_i[b*4 +: 4] == exalloc_pkg::StatusOk) ==
        (rsp_bits_i[b*QuarterW +: QuarterW] != '0));
  end
  assume (&fv_answers_ok);
  assume (!withdraw_i || !enable_i);
end
always_ff @(posedge clk_i) begin
  for (int unsigned b = 0; b < NumBanks; b++) begin
    fv_asked_q[b*6 +: 6] <= rst_i ? '0 : fv_asked_q[b*6 +: 6] - 6'(rsp_valid_i[b]) +
                            6'(ask_valid_o && ask_ready_i && ask_bank_o == BankW'(b));
  end
end

// The block followed: slab, bank, quarter, bit
(* anyconst *) logic [SlabW+BankW+2+IdxW-1:0] fv_block;
(* anyseq *) logic fv_return;  // the kernel has it given back on some other way
logic [BankW-1:0] fv_bank;
logic [SlabW-1:0] fv_slab;
logic [1:0] fv_quarter;
logic [IdxW-1:0] fv_bit;
logic [31:0] fv_token;
logic [QuarterW-1:0] fv_bits;
logic [NumBanks-1:0] fv_granted;
logic fv_offer_q, fv_wish_q, fv_offers, fv_backs, fv_known;
logic [31:0] fv_data_q;
typedef enum logic [1:0] { FvBank, FvPort, FvOffered, FvKernel } fv_place_e;
fv_place_e fv_place_q;
always_comb begin
  {fv_slab, fv_bank, fv_quarter, fv_bit} = fv_block;
  fv_token  = 32'({fv_slab, fv_bank, 6'({fv_quarter, fv_bit})});
  fv_bits   = QuarterW'(1) << fv_bit;
  for (int unsigned b = 0; b < NumBanks; b++) begin
    fv_granted[b] = rsp_valid_i[b] && rsp_status_i[b*4 +: 4] == exalloc_pkg::StatusOk &&
                    fv_bank == BankW'(b) && rsp_slab_i[b*SlabW +: SlabW] == fv_slab &&
                    rsp_quarter_i[b*2 +: 2] == fv_quarter &&
                    (rsp_bits_i[b*QuarterW +: QuarterW] & fv_bits) != '0;
  end
  fv_offers = m_axis_tvalid_o && !fv_offer_q && m_axis_tdata_o == fv_token;
  fv_known  = !m_axis_tvalid_o || (m_axis_tdata_o[5:0] < 6'(SlabWidth) &&
              (m_axis_tdata_o >> (6 + SlabW + BankW)) == '0);
  fv_backs  = back_valid_o && back_ready_i && back_bank_o == fv_bank && back_slab_o == fv_slab &&
              (back_mask_o & (SlabWidth'(fv_bits) << (QuarterW * fv_quarter))) != '0;
  // A bank grants only what is free.
  assume (fv_granted == '0 || fv_place_q == FvBank);
end
always_ff @(posedge clk_i) begin
  fv_offer_q <= m_axis_tvalid_o && !m_axis_tready_i && !rst_i;
  fv_data_q  <= m_axis_tdata_o;
  fv_wish_q  <= withdraw_i;
  case (fv_place_q)
    FvBank: if (fv_granted != '0) fv_place_q <= FvPort;
    FvPort: if (fv_offers) fv_place_q <= m_axis_tready_i ? FvKernel : FvOffered;
            else if (fv_backs) fv_place_q <= FvBank;
    FvOffered: if (m_axis_tready_i) fv_place_q <= FvKernel;
               else if (withdraw) fv_place_q <= FvPort;
    default: if (fv_return) fv_place_q <= FvBank;
  endcase
  if (rst_i) fv_place_q <= FvBank;
end

// Where it is, and what stands in the queues
logic [Places-1:0] fv_in0, fv_in1, fv_in_masks, fv_sound0, fv_sound1, fv_sound_masks;
logic [FvAnswerW-1:0] fv_answer0, fv_answer1;
logic [FvMaskW-1:0] fv_mask;
logic [MaskW-1:0] fv_name;
logic [7:0] fv_inside;
logic [9:0] fv_waiting;
logic [4:0] fv_e_ones, fv_p_ones, fv_back_ones, fv_ones;
always_comb begin
  fv_name    = {fv_slab, fv_bank, fv_quarter, fv_bits};
  fv_waiting = e_valid_q ? 10'(e_count_q) : '0;
  fv_inside  = 8'(c_valid_q && c_status_q == exalloc_pkg::StatusOk &&
                  c_mask_q[MaskW-1:QuarterW] == fv_name[MaskW-1:QuarterW] &&
                  (c_mask_q[QuarterW-1:0] & fv_bits) != '0) +
               8'(p_ok_q && p_mask_q[MaskW-1:QuarterW] == fv_name[MaskW-1:QuarterW] &&
                  (p_mask_q[QuarterW-1:0] & fv_bits) != '0) +
               8'(e_valid_q && {e_slab_q, e_bank_q, e_quarter_q} == fv_name[MaskW-1:QuarterW] &&
                  (e_bits_q & fv_bits) != '0) +
               8'(fv_offers);
  fv_e_ones  = '0;
  fv_p_ones  = '0;
  for (int unsigned i = 0; i < QuarterW; i++) begin
    fv_e_ones = fv_e_ones + 5'(e_bits_q[i]);
    fv_p_ones = fv_p_ones + 5'(p_mask_q[i]);
  end
  for (int unsigned i = 0; i < Places; i++) begin
    fv_answer0 = fv_queue0[i*FvAnswerW +: FvAnswerW];
    fv_answer1 = fv_queue1[i*FvAnswerW +: FvAnswerW];
    fv_mask    = fv_masks[i*FvMaskW +: FvMaskW];
    fv_in0[i] = (PlaceW+1)'(i) < fv_count0 &&
                fv_answer0[FvAnswerW-1 -: 4] == exalloc_pkg::StatusOk &&
                fv_answer0[MaskW-1:QuarterW] == fv_name[MaskW-1:QuarterW] &&
                (fv_answer0[QuarterW-1:0] & fv_bits) != '0;
    fv_in1[i] = (PlaceW+1)'(i) < fv_count1 &&
                fv_answer1[FvAnswerW-1 -: 4] == exalloc_pkg::StatusOk &&
                fv_answer1[MaskW-1:QuarterW] == fv_name[MaskW-1:QuarterW] &&
                (fv_answer1[QuarterW-1:0] & fv_bits) != '0;
    fv_in_masks[i] = (PlaceW+1)'(i) < fv_masks_count &&
                     fv_mask[MaskW-1:QuarterW] == fv_name[MaskW-1:QuarterW] &&
                     (fv_mask[QuarterW-1:0] & fv_bits) != '0;
    fv_inside = fv_inside + 8'(fv_in0[i]) + 8'(fv_in1[i]) + 8'(fv_in_masks[i]);
    fv_ones = '0;
    for (int unsigned j = 0; j < QuarterW; j++) fv_ones = fv_ones + 5'(fv_mask[j]);
    fv_sound0[i] = (PlaceW+1)'(i) >= fv_count0 || fv_answer0[QuarterW-1:0] != '0 ||
                   fv_answer0[FvAnswerW-1 -: 4] != exalloc_pkg::StatusOk;
    fv_sound1[i] = (PlaceW+1)'(i) >= fv_count1 || fv_answer1[QuarterW-1:0] != '0 ||
                   fv_answer1[FvAnswerW-1 -: 4] != exalloc_pkg::StatusOk;
    fv_sound_masks[i] = (PlaceW+1)'(i) >= fv_masks_count ||
                        (fv_mask[FvMaskW-1 -: 5] == fv_ones && fv_ones != '0);
    fv_waiting = fv_waiting + ((PlaceW+1)'(i) < fv_masks_count ? 10'(fv_ones) : '0);
  end
  fv_back_ones = '0;
  for (int unsigned i = 0; i < SlabWidth; i++) begin
    fv_back_ones = fv_back_ones + 5'(back_mask_o[i]);
  end
end

// The token offered last is what is given back
logic fv_back;
assign fv_back = back_valid_o && back_mask_o == SlabWidth'(1) << fv_data_q[5:0] &&
                 {back_slab_o, back_bank_o} == fv_data_q[6 +: SlabW + BankW];

// Answers expected and not yet counted, those counted that wait as masks, and how far it is to off
logic [7:0] fv_due, fv_expected;
logic [9:0] fv_way, fv_way_q;
logic fv_idle_q, fv_free_q, fv_load_q;
always_comb begin
  fv_due = 8'(ask_valid_o) + 8'(fv_count0) + 8'(fv_count1) + 8'(c_valid_q) + 8'(p_ok_q) +
           8'(p_bad_q);
  for (int unsigned b = 0; b < NumBanks; b++) fv_due = fv_due + 8'(fv_asked_q[b*6 +: 6]);
  fv_expected = fv_due + 8'(fv_masks_count);
  fv_way = 10'(fv_count0) * 7 + 10'(fv_count1) * 7 + (c_valid_q ? 10'd6 : '0) +
           (p_ok_q || p_bad_q ? 10'd5 : '0) + (counted_q ? 10'd2 : '0) +
           10'(fv_masks_count) * 2 + 10'(e_valid_q) + (out_valid_q ? 10'd2 : '0) +
           (state_q == StRun ? 10'd9 : state_q == StDrain ? 10'd4 : state_q == StGive ? 10'd1 :
            off_o ? 10'd0 : 10'd3);
end
always_ff @(posedge clk_i) begin
  fv_way_q  <= fv_way;
  fv_load_q <= load && !rst_i;
  fv_idle_q <= !rst_i && !enable_i && !(ask_valid_o && !ask_ready_i);
  fv_free_q <= !rst_i && !off_o && !enable_i && !ask_valid_o && fv_asked_q == '0 &&
               back_ready_i && !got_full_i;
end

always_comb begin
  if (fv_run_q) begin
    stable: assert (!fv_offer_q || (m_axis_tvalid_o && m_axis_tdata_o == fv_data_q) ||
                    (fv_wish_q && !m_axis_tvalid_o && fv_back));
    once: assert ((!(fv_offers || fv_backs) || fv_place_q == FvPort) && !(fv_offers && fv_backs) &&
                  fv_known);
    inside: assert (fv_inside == 8'(fv_place_q == FvPort));
    held: assert (held_o + {{4{change_q[5]}}, change_q} == fv_waiting);
    whole: assert (!back_valid_o || (fv_back_ones == back_count_o && fv_back_ones != '0));
    room: assert (places_q < 6'(Places) &&
                  !(rsp_valid_i[0] && fv_count0 == (PlaceW+1)'(Places)) &&
                  !(rsp_valid_i[1] && fv_count1 == (PlaceW+1)'(Places)) &&
                  !(p_ok_q && fv_masks_count == (PlaceW+1)'(Places)));
    stop: assert (!fv_idle_q || !ask_valid_o);
    home: assert (!off_o || (fv_place_q != FvPort && fv_asked_q == '0 && !ask_valid_o &&
                             !(withdraw_i && m_axis_tvalid_o)));
    drains: assert (!fv_free_q || fv_wish_q != withdraw_i || off_o || fv_way < fv_way_q);

    assert ((fv_place_q == FvOffered) == (fv_offer_q && out_valid_q && out_q == fv_token));
    assert (&fv_sound0 && &fv_sound1 && &fv_sound_masks);
    assert (!e_valid_q || (e_count_q == fv_e_ones && e_count_q != '0));
    assert (!p_ok_q || (p_count_q == fv_p_ones && p_count_q != '0));
    assert (p_ok_q || p_count_q == '0);
    assert (!c_valid_q || c_status_q != exalloc_pkg::StatusOk || c_mask_q[QuarterW-1:0] != '0);
    assert (!(p_ok_q && p_bad_q));
    assert (8'(unknown_q) + 8'(load_q) == fv_due + 8'(counted_q));
    assert (8'(places_q) + 8'(load_q) == fv_expected + 8'(get_q) + 8'(bad_q));
    assert (load_q == fv_load_q && (!load_q || ask_valid_o));
    assert (8'(places_q) + 8'(load_q) <= 8'(Places - 2) &&
            (!room_q || 8'(places_q) <= 8'(Places - 5) + 8'(fv_room_q)));
    assert (state_q == StRun || state_q == StDrain || fv_due == '0);
    assert (state_q != StOff || (!e_valid_q && fv_masks_count == '0));
  end
end
// One was asked for before places_q was looked at
logic fv_room_q;
always_ff @(posedge clk_i) fv_room_q <= load_q && !rst_i;
